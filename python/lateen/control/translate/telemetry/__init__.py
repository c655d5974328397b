"""Access logs, traces and metrics of a proxy, as Telemetry resources and the mesh say."""
