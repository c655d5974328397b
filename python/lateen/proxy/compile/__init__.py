"""From Envoy's messages to those of proto/worker.proto: pure functions, one file a resource.

Each function is given a message, a `CompileContext` and the message's path in the configuration. It
returns what the workers run and reports what is wrong to the context.

Errors that only compiling shows are reported here, in Envoy's words: clusters that routes name,
duplicate clusters and domains, terminal filters, addresses, format strings. What can be seen in a
message itself is checked before (lateen.config.check).

    compiled = compile_bootstrap(bootstrap, read_file=...)

A single resource is compiled with `cluster.compile_cluster`, `endpoints.compile_endpoints`,
`listener.compile_listener` or `route_table.compile_route_table` and the context of the bootstrap.
"""

from lateen.proxy.compile.entry import Compiled, compile_bootstrap, unsupported

__all__ = ["Compiled", "compile_bootstrap", "unsupported"]
