"""What a running proxy has for a configuration, as tables: `lateen proxy-config`."""
