//! Compiles `src/name.cpp` against the headers of the libbitcoinkernel that is linked.

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

/// The crate that builds libbitcoinkernel from Bitcoin Core's source, which it ships.
const KERNEL_CRATE: &str = "libbitcoinkernel-sys";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src/name.cpp");
    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .file("src/name.cpp")
        .include(kernel_source()?)
        // Those in the library's headers are not ours to mend.
        .warnings(false)
        .try_compile("tipward_script_name")?;
    Ok(())
}

/// Where the source of the linked libbitcoinkernel is: the crate does not tell its dependents, cargo does.
fn kernel_source() -> Result<PathBuf, Box<dyn Error>> {
    // Without a network, and asking for no crates but those of this platform: no others need to be here.
    let output = Command::new(std::env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(["--filter-platform", &std::env::var("TARGET")?])
        .current_dir(std::env::var("CARGO_MANIFEST_DIR")?)
        .output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo metadata failed: {words}").into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == KERNEL_CRATE)
        .and_then(|package| package["manifest_path"].as_str())
        .ok_or_else(|| format!("{KERNEL_CRATE} is not among the packages"))?;
    let source = PathBuf::from(manifest)
        .with_file_name("bitcoin")
        .join("src");
    if !source.join("script/interpreter.h").is_file() {
        return Err(format!("no headers of Bitcoin Core in {}", source.display()).into());
    }
    Ok(source)
}
