//! `continuum completions SHELL`.

use clap::{Args, Command};
use clap_complete::Shell;

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  continuum completions bash > /etc/bash_completion.d/continuum")]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    /// Prints them on standard output.
    pub fn run(&self, mut program: Command) {
        clap_complete::generate(self.shell, &mut program, "continuum", &mut std::io::stdout());
    }
}
