//! `vitrine user`: what an operator may do about accounts. Nothing of it shows what the accounts may see.

use anyhow::Result;
use domain::Operator;

use super::settings::Settings;
use crate::web;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a practice with its first administrator, who chooses a password by the link that this prints
    AddPractice {
        #[command(flatten)]
        settings: Settings,
        /// What the practice is called
        #[arg(long)]
        practice: String,
        /// What the administrator is called
        #[arg(long)]
        name: String,
        /// E-mail address of the administrator
        #[arg(long)]
        email: String,
    },
    /// Remove all second factors and passkeys of an account that has lost them, end its sign-ins, and print a link
    Reset {
        #[command(flatten)]
        settings: Settings,
        /// E-mail address of the account
        email: String,
    },
    /// Say that an account is an operator's, who may open emergency access, which practices are told of; or no longer
    Operator {
        #[command(flatten)]
        settings: Settings,
        /// E-mail address of the account
        email: String,
        /// No longer
        #[arg(long)]
        revoke: bool,
    },
    /// Close an account and end its sign-ins at once, everywhere
    Deactivate {
        #[command(flatten)]
        settings: Settings,
        /// E-mail address of the account
        email: String,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match &arguments.command {
            Command::AddPractice {
                settings,
                practice,
                name,
                email,
            } => {
                let link = web::add_practice(settings.checked()?, practice, name, email).await?;
                println!("the administrator chooses a password by this link, within an hour:\n{link}");
            }
            Command::Reset { settings, email } => {
                let link = web::reset(settings.checked()?, email).await?;
                println!(
                    "make sure who asks for this; the way back to the account, good for an hour:\n{link}"
                );
            }
            Command::Operator {
                settings,
                email,
                revoke,
            } => {
                let operator = if *revoke { Operator::No } else { Operator::Yes };
                web::set_operator(settings.checked()?, email, operator).await?;
                println!(
                    "the account is {}an operator's",
                    if *revoke { "no longer " } else { "" }
                );
            }
            Command::Deactivate { settings, email } => {
                web::deactivate(settings.checked()?, email).await?;
                println!("the account is closed, and its sign-ins have ended");
            }
        }
        Ok(())
    })
}
