"""The main thread of a proxy: it turns configuration into what the workers run."""
