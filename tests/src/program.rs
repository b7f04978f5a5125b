//! The program under test: `continuum`, as built from this checkout.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The directory of the workspace.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the workspace")
}

/// Where `continuum` is. `CONTINUUM_PROGRAM` names another build to test.
///
/// Cargo hands a package the programs of that package only. A run over the whole workspace has built `continuum` beside
/// this test; a run over this package alone has not, or has an old one there: then it is built first.
///
/// # Panics
/// When it cannot be built.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("CONTINUUM_PROGRAM") {
            return named.into();
        }
        let beside = beside();
        if !fresh(&beside) {
            build(&beside);
        }
        beside
    })
}

/// `target/<profile>/continuum`, seen from `target/<profile>/deps/it-…`.
fn beside() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(Path::parent).expect("a test lies in target/<profile>/deps");
    profile.join(format!("continuum{}", std::env::consts::EXE_SUFFIX))
}

/// Whether it is younger than every file it could be made from.
fn fresh(program: &Path) -> bool {
    let made = |path: &Path| path.metadata().and_then(|is| is.modified()).ok();
    let Some(built) = made(program) else { return false };
    let mut youngest = made(&root().join("Cargo.lock")).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut directories = vec![root().join("crates"), root().join("config")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("the sources are readable") {
            let path = entry.expect("the sources are readable").path();
            if path.is_dir() {
                directories.push(path);
            } else if let Some(at) = made(&path) {
                youngest = youngest.max(at);
            }
        }
    }
    youngest <= built
}

/// Where an example of this package is, as built from this checkout.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let program = beside().with_file_name("examples").join(file);
    run_cargo(&profile_of(&beside()), &["--package", "tests", "--example", name], &program);
    program
}

fn build(program: &Path) {
    run_cargo(&profile_of(program), &["--package", "cli", "--bin", "continuum"], program);
}

/// The profile that `target/<profile>/continuum` was built with.
fn profile_of(program: &Path) -> String {
    let profile = program.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match profile {
        Some("debug") | None => "dev".to_owned(),
        Some(named) => named.to_owned(),
    }
}

fn run_cargo(profile: &str, what: &[&str], program: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile])
        .args(what)
        .current_dir(root())
        .status()
        .expect("cargo can be run");
    assert!(built.success() && program.is_file(), "{} was not built", program.display());
}
