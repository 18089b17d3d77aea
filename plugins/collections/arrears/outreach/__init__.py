"""Outreach: contact plan, contact policy, outbox, dispatch and channels."""
