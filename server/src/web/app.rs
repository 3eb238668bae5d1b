//! What every handler shares.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use catalog::Catalog;
use domain::{CaseId, Timestamp, UserId};
use ingest::PlaceConfig;
use vault::{CaseKey, RootKey, Vault, WrappedKey};

use super::agreements::Agreements;
use super::limits::Limits;
use super::listen::TlsFiles;
use super::live::{Live, LiveConfig};
use super::mail::{Mail, MailConfig};
use super::metrics::Metrics;
use super::names::Names;
use super::problem::Answer;
use super::registrations::Laying;
use super::secrets::Hasher;
use super::syncing::Syncer;
use crate::secret::Secret;
use crate::store::Store;

/// What the server runs with.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where everything lies.
    pub(crate) place: PlaceConfig,
    /// The `postgres://` URL of the catalog, where it is not a file.
    pub(crate) database: Option<Secret>,
    /// What the server is called from outside, such as `https://vitrine.example.org`, without a slash at the end.
    pub(crate) public_url: String,
    /// The folder with the built web client, where pages are served.
    pub(crate) client: Option<PathBuf>,
    /// Whether it is a demonstration: one factor is enough, and links of mails are shown.
    pub(crate) demo: Demo,
    /// Folder of agreements in place of the program's own.
    pub(crate) agreements: Option<PathBuf>,
    /// Which way mail goes.
    pub(crate) mail: MailConfig,
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// What it needs to speak TLS, where it does.
    pub(crate) tls: Option<TlsFiles>,
    /// Proxies that are believed when they say who asks.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Jobs that this process works on at once; none where workers run apart.
    pub(crate) workers: usize,
    /// What pictures may cost.
    pub(crate) live: LiveConfig,
}

/// Whether the server is a demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demo {
    /// It is for people.
    No,
    /// It shows what it would be like; it says so.
    Yes,
}

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) catalog: Catalog,
    pub(crate) vault: Vault,
    pub(crate) root: Arc<RootKey>,
    pub(crate) hasher: Hasher,
    pub(crate) mail: Mail,
    pub(crate) agreements: Agreements,
    /// Names of objects that are pending for this process.
    pub(crate) names: Names,
    pub(crate) syncer: Syncer,
    pub(crate) limits: AllLimits,
    pub(crate) metrics: Metrics,
    /// What sessions of looking share.
    pub(crate) live: Live,
    /// How many items are laid onto others at once.
    pub(crate) laying: Laying,
    /// What passkeys are bound to, where they can be.
    pub(crate) webauthn: Option<webauthn_rs::Webauthn>,
}

/// How often what may be asked.
pub(crate) struct AllLimits {
    /// Signing in and everything else that a visitor can do, an address.
    pub(crate) visitor: Limits<IpAddr>,
    /// Trying a password or a code, an account.
    pub(crate) account: Limits<UserId>,
    /// Anything, a signed-in user.
    pub(crate) user: Limits<UserId>,
}

impl AllLimits {
    fn new(demo: Demo) -> Self {
        // A demonstration is driven by scripts from one address.
        let visitor = match demo {
            Demo::No => Limits::new(30.0, 0.5),
            Demo::Yes => Limits::new(10_000.0, 1_000.0),
        };
        Self {
            visitor,
            account: Limits::new(10.0, 1.0 / 30.0),
            user: Limits::new(4_000.0, 2_000.0),
        }
    }
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// Opens everything that lies in `config.place`.
    pub(crate) async fn open(config: Config) -> anyhow::Result<Self> {
        let Store { catalog, vault, root } = Store::open(&config.place, config.database.as_ref()).await?;
        let names = Names::begin(&catalog.system()).await?;
        Ok(Self(Arc::new(Shared {
            mail: Mail::start(&config.mail)?,
            agreements: Agreements::load(config.agreements.as_deref())?,
            metrics: Metrics::default(),
            webauthn: super::passkeys::relying_party(&config.public_url),
            limits: AllLimits::new(config.demo),
            live: Live::start(config.live)?,
            laying: Laying::default(),
            syncer: Syncer::new(vault.clone()),
            hasher: Hasher::new()?,
            names,
            catalog,
            vault,
            root,
            config,
        })))
    }

    /// The time by this machine's clock.
    #[expect(clippy::unused_self, reason = "whoever asks the time has asked the server")]
    pub(crate) fn now(&self) -> Timestamp {
        now()
    }

    /// Opens the key of a case.
    pub(crate) fn case_key(&self, case: CaseId, wrapped: &[u8]) -> Answer<CaseKey> {
        let wrapped = WrappedKey::from_bytes(wrapped)?;
        Ok(self.root.open_case_key(*case.as_bytes(), &wrapped)?)
    }
}

/// The time by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
