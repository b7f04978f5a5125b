//! `continuum`, the program: reads its arguments and runs one verb.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use cli::{
    backup, completions, doctor, erase, export, import, key, partner, rebuild, receipt, restore, serve,
    simulate, timeline, token, up,
};
use service::lifecycle::exit_code;

/// From the SIAO to housing: one journal, and every screen a reader of it.
#[derive(Debug, Parser)]
#[command(
    name = "continuum",
    version,
    arg_required_else_help = true,
    after_help = "Example:\n  continuum up --demo\n\nEvery verb has examples of its own: continuum import --help"
)]
struct Program {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Up(up::Up),
    Serve(serve::Serve),
    Simulate(simulate::Simulate),
    Import(import::Import),
    Timeline(timeline::Timeline),
    Export(export::Export),
    Erase(erase::Erase),
    Rebuild(rebuild::Rebuild),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Key(key::Key),
    Token(token::Token),
    Partner(partner::Partner),
    Receipt(receipt::Receipt),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
}

fn main() -> ExitCode {
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(error) => {
            // Help and version are no errors; bad usage ends as a bad configuration does.
            let code = if error.use_stderr() { service::config::EXIT_CODE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    run(program.verb).unwrap_or_else(|error| {
        eprintln!("continuum: {error:#}");
        exit_code(&Err(error))
    })
}

#[tokio::main]
async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Import(verb) => return Box::pin(verb.run()).await,
        Verb::Up(verb) => Box::pin(verb.run()).await,
        Verb::Serve(verb) => Box::pin(verb.run()).await,
        Verb::Simulate(verb) => Box::pin(verb.run()).await,
        Verb::Timeline(verb) => verb.run().await,
        Verb::Export(verb) => verb.run().await,
        Verb::Erase(verb) => Box::pin(verb.run()).await,
        Verb::Rebuild(verb) => verb.run().await,
        Verb::Backup(verb) => Box::pin(verb.run()).await,
        Verb::Restore(verb) => Box::pin(verb.run()).await,
        Verb::Key(verb) => Box::pin(verb.run()).await,
        Verb::Token(verb) => Box::pin(verb.run()).await,
        Verb::Partner(verb) => Box::pin(verb.run()).await,
        Verb::Receipt(verb) => verb.run(),
        Verb::Doctor(verb) => verb.run().await,
        Verb::Completions(verb) => {
            verb.run(Program::command());
            Ok(())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}
