"""What containers do beside their services: prepare databases once, and answer health checks."""
