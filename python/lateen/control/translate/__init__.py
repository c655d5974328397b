"""From resources to what a proxy is sent: pure functions of declared inputs."""
