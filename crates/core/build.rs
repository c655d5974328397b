//! Compiles proto/worker.proto without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["../../proto/worker.proto", "../../proto/worker_stats.proto"];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["../../proto"])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
