//! Compiles the schemas in proto/ without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "../../proto/worker.proto",
        "../../proto/worker_stats.proto",
        "../../proto/services/access_log.proto",
        "../../proto/services/ext_authz.proto",
        "../../proto/services/orca.proto",
        "../../proto/services/otlp.proto",
        "../../proto/services/otlp_span.proto",
        "../../proto/services/ratelimit.proto",
        "../../proto/services/struct.proto",
        "../../proto/services/zipkin.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["../../proto"])?;
    // What a service is sent is the same for the same request.
    prost_build::Config::new().btree_map([".lateen.service"]).compile_fds(descriptors)?;
    Ok(())
}
