//! What a server and its workers run with: flags, variables and a file, in this order of weight, checked as a whole.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ::ingest::PlaceConfig;
use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::default_key_file;
use crate::secret::Secret;
use crate::web::{Config, Demo, LiveConfig, MailConfig, TlsFiles};

/// Most jobs that one process works on at once.
const MOST_WORKERS: usize = 64;

/// Each of these can stand in the file under the name of its option.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// File of settings (TOML), each under the name of its option; what is said here or by variables comes first
    #[arg(long, value_name = "FILE", env = "VITRINE_CONFIG")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Folder of the catalog and, by default, of the encrypted objects
    #[arg(long, value_name = "DIR", env = "VITRINE_DATA")]
    data: Option<PathBuf>,
    /// File of the root key, outside the data; made when it is missing [default: ~/.config/vitrine/root.key]
    #[arg(long, value_name = "FILE", env = "VITRINE_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Where the encrypted objects lie instead: `s3://bucket/prefix`, or `file:///folder`
    #[arg(long, value_name = "URL", env = "VITRINE_OBJECTS")]
    objects: Option<String>,
    /// A `postgres://` URL of the catalog, in place of a file in the data folder
    #[arg(long, value_name = "URL", env = "VITRINE_DATABASE", hide_env_values = true)]
    database: Option<Secret>,
    /// Folder for mails, which nobody sends [default: the data folder's name and -outbox, beside it]
    #[arg(long, value_name = "DIR", env = "VITRINE_OUTBOX")]
    outbox: Option<PathBuf>,
    /// Folder of agreements, `KIND.VERSION.md` each, in place of the program's own
    #[arg(long, value_name = "DIR", env = "VITRINE_AGREEMENTS")]
    agreements: Option<PathBuf>,
    /// A server that sends mails: `smtps://user:password@host` or `smtp://user:password@host?tls=required`
    #[arg(long, value_name = "URL", env = "VITRINE_SMTP", hide_env_values = true)]
    smtp: Option<Secret>,
    /// Whom mails come from, such as `Vitrine <vitrine@example.org>`
    #[arg(long, value_name = "ADDRESS", env = "VITRINE_MAIL_FROM")]
    mail_from: Option<String>,
    /// Jobs that this process works on at once; 0 where `vitrine worker` does [default: 1]
    #[arg(long, value_name = "COUNT", env = "VITRINE_WORKERS")]
    workers: Option<usize>,
    /// Sessions that get pictures from the server at once; more wait in line [default: 12 for each processor]
    #[arg(long, value_name = "COUNT", env = "VITRINE_LIVE_SESSIONS")]
    live_sessions: Option<usize>,
    /// Memory for items that are looked at, MiB [default: 4096]
    #[arg(long, value_name = "MIB", env = "VITRINE_LIVE_MEMORY")]
    live_memory: Option<u64>,
    /// Address and port to listen at; port 0 takes any that is free [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", env = "VITRINE_LISTEN")]
    listen: Option<SocketAddr>,
    /// What the server is called from outside, such as `https://vitrine.example.org` [default: localhost and the port]
    #[arg(long, value_name = "URL", env = "VITRINE_PUBLIC_URL")]
    public_url: Option<String>,
    /// Certificates of the server, its own first (PEM): it speaks TLS then
    #[arg(long, value_name = "FILE", env = "VITRINE_TLS_CERTIFICATE")]
    tls_certificate: Option<PathBuf>,
    /// The key of the first certificate (PEM)
    #[arg(long, value_name = "FILE", env = "VITRINE_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Addresses of proxies that say in `X-Forwarded-For` who asks
    #[arg(
        long,
        value_name = "ADDR",
        env = "VITRINE_TRUSTED_PROXIES",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<IpAddr>,
    /// Folder with the built web client, which `./x build` makes [default: `web` beside this program, where there is one]
    #[arg(long, value_name = "DIR", env = "VITRINE_CLIENT")]
    client: Option<PathBuf>,
    /// Show what it would be like: one factor is enough to sign in, and links of mails are shown
    #[arg(long, env = "VITRINE_DEMO")]
    demo: bool,
}

impl Settings {
    /// All settings with what the file says, checked.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub(crate) fn checked(&self) -> Result<Config> {
        let settings = match &self.config {
            Some(file) => self.clone().over(read(file)?),
            None => self.clone(),
        };
        let mut problems = Vec::new();
        let config = settings.into_config(&mut problems);
        match (config, problems.as_slice()) {
            (Some(config), []) => Ok(config),
            (_, problems) => bail!("the settings do not do:\n  {}", problems.join("\n  ")),
        }
    }

    /// These before those of the file.
    fn over(self, file: Self) -> Self {
        Self {
            config: self.config,
            data: self.data.or(file.data),
            key_file: self.key_file.or(file.key_file),
            objects: self.objects.or(file.objects),
            database: self.database.or(file.database),
            outbox: self.outbox.or(file.outbox),
            agreements: self.agreements.or(file.agreements),
            smtp: self.smtp.or(file.smtp),
            mail_from: self.mail_from.or(file.mail_from),
            workers: self.workers.or(file.workers),
            live_sessions: self.live_sessions.or(file.live_sessions),
            live_memory: self.live_memory.or(file.live_memory),
            listen: self.listen.or(file.listen),
            public_url: self.public_url.or(file.public_url),
            tls_certificate: self.tls_certificate.or(file.tls_certificate),
            tls_key: self.tls_key.or(file.tls_key),
            trusted_proxies: match self.trusted_proxies.is_empty() {
                true => file.trusted_proxies,
                false => self.trusted_proxies,
            },
            client: self.client.or(file.client),
            demo: self.demo || file.demo,
        }
    }

    fn into_config(self, problems: &mut Vec<String>) -> Option<Config> {
        let mut note = |problem: String| problems.push(problem);
        let workers = self.workers.unwrap_or(1);
        if workers > MOST_WORKERS {
            note(format!("workers: {workers} is more than {MOST_WORKERS}"));
        }
        let usual = LiveConfig::usual();
        let live = LiveConfig {
            sessions: self.live_sessions.unwrap_or(usual.sessions),
            memory_bytes: self
                .live_memory
                .map_or(usual.memory_bytes, |mib| mib.saturating_mul(1 << 20)),
        };
        if live.sessions == 0 || live.memory_bytes == 0 {
            note("live-sessions and live-memory: at least 1".to_owned());
        }
        if let Some(url) = &self.database
            && !["postgres://", "postgresql://"]
                .iter()
                .any(|scheme| url.reveal().starts_with(scheme))
        {
            note("database: this is no postgres:// URL".to_owned());
        }
        if let Some(url) = &self.objects
            && !["s3://", "file:///"].iter().any(|scheme| url.starts_with(scheme))
        {
            note(format!(
                "objects: {url} is neither s3://bucket/prefix nor file:///folder"
            ));
        }
        let tls = match (self.tls_certificate, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => {
                note("tls-certificate and tls-key: each needs the other".to_owned());
                None
            }
        };
        let public_url = self.public_url.unwrap_or_default();
        let public_url = public_url.trim_end_matches('/').to_owned();
        if let Some(problem) = wrong_url(&public_url) {
            note(format!("public-url: {problem}"));
        }
        let demo = if self.demo { Demo::Yes } else { Demo::No };
        if demo == Demo::No && tls.is_none() && public_url.starts_with("http://") && !is_local(&public_url) {
            note("public-url: without https:// browsers refuse to sign in; give certificates, or put a proxy before it"
                .to_owned());
        }
        let Some(data) = self.data else {
            note("data: say where everything lies".to_owned());
            return None;
        };
        let mail = match (self.smtp, self.mail_from, self.outbox) {
            (Some(_), _, Some(_)) => {
                note("smtp and outbox: mails go one way only".to_owned());
                None
            }
            (Some(_), None, None) => {
                note("mail-from: a server that sends mails needs it".to_owned());
                None
            }
            (Some(url), Some(from), None) => match MailConfig::smtp(url, &from) {
                Ok(mail) => Some(mail),
                Err(problem) => {
                    note(format!("{problem:#}"));
                    None
                }
            },
            (None, _, Some(folder)) => Some(MailConfig::Outbox(folder)),
            (None, _, None) => match beside(&data) {
                Some(folder) => Some(MailConfig::Outbox(folder)),
                None => {
                    note("outbox: the data folder has no name; say where mails go".to_owned());
                    None
                }
            },
        };
        let key_file = match self.key_file.map_or_else(default_key_file, Ok) {
            Ok(file) => Some(file),
            Err(problem) => {
                note(format!("key-file: {problem:#}"));
                None
            }
        };
        Some(Config {
            place: PlaceConfig {
                data,
                key_file: key_file?,
                objects: self.objects,
            },
            database: self.database,
            agreements: self.agreements,
            mail: mail?,
            workers,
            live,
            listen: self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url,
            tls,
            trusted_proxies: self.trusted_proxies,
            client: self.client.or_else(beside_program),
            demo,
        })
    }
}

fn read(file: &Path) -> Result<Settings> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    // The message shows the line, which may hold a password: only where it is, is told.
    toml::from_str(&text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        anyhow::anyhow!("{}, line {line}: {}", file.display(), error.message())
    })
}

/// What is wrong with an address of the server, which has a scheme and a host and nothing behind.
fn wrong_url(url: &str) -> Option<String> {
    if url.is_empty() {
        return None;
    }
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    match rest {
        None => Some(format!("{url} begins with neither https:// nor http://")),
        Some(host) if host.is_empty() || host.contains(|c: char| "/?#@".contains(c) || c.is_whitespace()) => {
            Some(format!("{url} is not a scheme and a host alone"))
        }
        Some(_) => None,
    }
}

/// Whether browsers trust it without TLS.
fn is_local(url: &str) -> bool {
    let host = url.trim_start_matches("http://");
    ["localhost", "127.", "[::1]"]
        .iter()
        .any(|name| host.starts_with(name))
}

/// The web client that lies beside this program.
fn beside_program() -> Option<PathBuf> {
    let folder = std::env::current_exe().ok()?.with_file_name("web");
    folder.join("index.html").is_file().then_some(folder)
}

/// The folder of mails that belongs to the data.
fn beside(data: &Path) -> Option<PathBuf> {
    let mut name = data.file_name()?.to_owned();
    name.push("-outbox");
    Some(data.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let settings = of(
            "key-file = '/k/root.key'\nworkers = 65\ndatabase = 'mysql://x:secretword@y'\nobjects = 'ftp://x'\n\
             tls-key = 'k'\npublic-url = 'vitrine.example'\nsmtp = 'smtp://a:secretword@mail.example'\n",
        );
        let told = settings.checked().unwrap_err().to_string();
        for word in [
            "workers",
            "database",
            "objects",
            "tls-certificate",
            "public-url",
            "data:",
        ] {
            assert!(told.contains(word), "{word} in {told}");
        }
        assert!(!told.contains("secretword"), "{told}");
        assert!(!format!("{settings:?}").contains("secretword"));
    }

    #[test]
    fn what_is_said_comes_before_the_file() {
        let file = of("data = '/from-file'\nkey-file = '/k'\nworkers = 3\ntrusted-proxies = ['10.0.0.1']\n");
        let said = of("data = '/said'\n");
        let config = said.over(file).checked().unwrap();
        assert_eq!(config.place.data, Path::new("/said"));
        assert_eq!(config.workers, 3);
        assert_eq!(config.trusted_proxies.len(), 1);
        assert!(matches!(config.mail, MailConfig::Outbox(folder) if folder == Path::new("/said-outbox")));
        assert!(toml::from_str::<Settings>("dta = 'x'").is_err());
    }

    #[test]
    fn mails_and_cookies_do_not_travel_in_the_clear() {
        let base = "data = '/d'\nkey-file = '/k'\n";
        let told = |text: &str| {
            let checked = of(&format!("{base}{text}")).checked();
            checked.err().map(|error| error.to_string())
        };
        assert_eq!(told("public-url = 'https://vitrine.example.org/'"), None);
        assert_eq!(told("public-url = 'http://localhost:8080'"), None);
        assert!(
            told("public-url = 'http://vitrine.example.org'")
                .unwrap()
                .contains("https://")
        );
        assert!(told("public-url = 'https://vitrine.example.org/path'").is_some());
        let from = "mail-from = 'Vitrine <v@example.org>'\n";
        assert_eq!(
            told(&format!("{from}smtp = 'smtps://u:p@mail.example.org'")),
            None
        );
        assert_eq!(
            told(&format!("{from}smtp = 'smtp://mail.example.org?tls=required'")),
            None
        );
        assert_eq!(told(&format!("{from}smtp = 'smtp://127.0.0.1:2525'")), None);
        assert!(
            told(&format!("{from}smtp = 'smtp://mail.example.org'"))
                .unwrap()
                .contains("smtp")
        );
        assert!(
            told("smtp = 'smtps://u:p@mail.example.org'")
                .unwrap()
                .contains("mail-from")
        );
        assert!(
            told("smtp = 'smtps://m'\nmail-from = 'nobody'")
                .unwrap()
                .contains("mail-from")
        );
    }
}
