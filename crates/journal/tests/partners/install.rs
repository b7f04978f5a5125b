//! What scripts of partners and of others outside need, installed once in the build directory. Shared by all tests that run them.

use std::fs::File;
use std::path::{Path, PathBuf};

/// What runs a partner's script.
pub(crate) struct Installed {
    /// The interpreter.
    pub(crate) program: PathBuf,
    /// The script.
    pub(crate) script: PathBuf,
    /// Where its libraries are.
    pub(crate) modules: PathBuf,
}

/// `partner.py` of `scripts`, with nats.py.
pub(crate) fn python(scripts: &Path) -> Result<Installed, String> {
    python_script(scripts, "python", "partner.py")
}

/// A script of `scripts` in Python, with what its requirements.txt names, kept under `name`.
pub(crate) fn python_script(scripts: &Path, name: &str, script: &str) -> Result<Installed, String> {
    let home = Home::of(name)?;
    let program = home.dir.join("venv/bin/python");
    home.once(scripts, "requirements.txt", &[], |dir| {
        run("python3", &["-m", "venv", "venv"], dir)?;
        let pip = ["-m", "pip", "--disable-pip-version-check", "install", "-q", "-r", "requirements.txt"];
        run(&program, &pip, dir)
    })?;
    Ok(Installed { program, script: scripts.join(script), modules: home.dir })
}

/// `partner.mjs` of `scripts`, with nats.js.
pub(crate) fn javascript(scripts: &Path) -> Result<Installed, String> {
    let home = Home::of("javascript")?;
    home.once(scripts, "package-lock.json", &["package.json"], |dir| {
        run("npm", &["ci", "--silent", "--no-audit", "--no-fund"], dir)
    })?;
    Ok(Installed { program: "node".into(), script: scripts.join("partner.mjs"), modules: home.dir })
}

/// Where the libraries of one language are, held against other tests and processes while they are installed.
struct Home {
    dir: PathBuf,
    _lock: File,
}

impl Home {
    fn of(language: &str) -> Result<Self, String> {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("partners").join(language);
        std::fs::create_dir_all(&dir).map_err(|why| why.to_string())?;
        let lock = File::create(dir.join("lock")).map_err(|why| why.to_string())?;
        lock.lock().map_err(|why| why.to_string())?;
        Ok(Self { dir, _lock: lock })
    }

    /// Does `install` unless it was done for the lock file as it is now.
    fn once(
        &self,
        scripts: &Path,
        locked: &str,
        more: &[&str],
        install: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        let wanted = std::fs::read(scripts.join(locked)).map_err(|why| why.to_string())?;
        let done = self.dir.join("installed");
        if std::fs::read(&done).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        for file in more.iter().chain([&locked]) {
            std::fs::copy(scripts.join(file), self.dir.join(file)).map_err(|why| why.to_string())?;
        }
        install(&self.dir)?;
        std::fs::write(&done, wanted).map_err(|why| why.to_string())
    }
}

fn run(program: impl AsRef<Path>, arguments: &[&str], home: &Path) -> Result<(), String> {
    let program = program.as_ref();
    let output = std::process::Command::new(program).args(arguments).current_dir(home).output();
    let output = output.map_err(|why| format!("{}: {why}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} {}: {}", program.display(), arguments.join(" "), said.trim()))
}
