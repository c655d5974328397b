"""What each proxy is sent, when, and what it answered."""
