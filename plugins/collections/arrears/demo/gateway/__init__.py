"""The sandbox gateway: a provider's stand-in on this machine, over HTTP and SMTP, that can be told to misbehave."""
