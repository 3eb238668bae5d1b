//! A database of a test's own, of either kind, and keys for it.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use catalog::{Catalog, Cipher, CipherError, Database, Fields};
use sqlx::{AssertSqlSafe, Connection};
use testkit::postgres::Cluster;
use vault::{FieldKey, RootKey, WrappedKey};

/// Every test named, over SQLite and over PostgreSQL.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Place::sqlite()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(place) = super::Place::postgres() {
                    super::$name(place).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;

/// A database of a test's own.
pub(crate) struct Place {
    pub(crate) database: Database,
    _folder: Option<tempfile::TempDir>,
    _cluster: Option<Arc<Cluster>>,
}

const DATABASE: &str = "VITRINE_TEST_DATABASE";
const KEY: &str = "VITRINE_TEST_KEY";

impl Place {
    pub(crate) fn sqlite() -> Self {
        if let Some(place) = Self::of_parent() {
            return place;
        }
        let folder = tempfile::tempdir().unwrap();
        Self {
            database: Database::Sqlite(folder.path().join("catalog.db")),
            _folder: Some(folder),
            _cluster: None,
        }
    }

    pub(crate) fn postgres() -> Option<Self> {
        if let Some(place) = Self::of_parent() {
            return Some(place);
        }
        let cluster = Cluster::shared()?;
        Some(Self {
            database: Database::Postgres(cluster.database()),
            _folder: None,
            _cluster: Some(cluster),
        })
    }

    /// The one that the process which started this one has.
    fn of_parent() -> Option<Self> {
        let text = std::env::var(DATABASE).ok()?;
        Some(Self {
            database: match text.starts_with("postgres://") {
                true => Database::Postgres(text),
                false => Database::Sqlite(PathBuf::from(text)),
            },
            _folder: None,
            _cluster: None,
        })
    }

    /// What a process needs to use the same database.
    pub(crate) fn for_children(&self) -> [(&'static str, String); 2] {
        let database = match &self.database {
            Database::Sqlite(path) => path.display().to_string(),
            Database::Postgres(url) => url.clone(),
        };
        [(DATABASE, database), (KEY, key_file().display().to_string())]
    }

    pub(crate) async fn open(&self) -> Catalog {
        Catalog::open(&self.database, cipher()).await.unwrap()
    }

    /// Runs a statement past the catalog.
    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }

    /// Asks SQLite whether its file is sound.
    pub(crate) async fn check_integrity(&self) {
        if matches!(self.database, Database::Sqlite(_)) {
            let mut connection = self.connect().await;
            let check: String = sqlx::query_scalar("PRAGMA integrity_check")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            assert_eq!(check, "ok");
        }
    }

    async fn connect(&self) -> sqlx::AnyConnection {
        sqlx::any::install_default_drivers();
        let url = match &self.database {
            Database::Sqlite(path) => format!("sqlite://{}", path.display()),
            Database::Postgres(url) => Cluster::past_walls(url),
        };
        sqlx::AnyConnection::connect(&url).await.unwrap()
    }
}

fn key_file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| match std::env::var_os(KEY) {
        Some(path) => PathBuf::from(path),
        None => tempfile::tempdir().unwrap().keep().join("root.key"),
    })
}

/// Keys as the server has them.
pub(crate) fn cipher() -> Arc<dyn Cipher> {
    static ROOT: OnceLock<Arc<Root>> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let data = tempfile::tempdir().unwrap();
        Arc::new(Root(RootKey::load_or_create(key_file(), data.path()).unwrap()))
    });
    Arc::clone(root) as Arc<dyn Cipher>
}

struct Root(RootKey);

struct Owner(FieldKey);

impl Cipher for Root {
    fn new_key(&self, owner: [u8; 16]) -> Result<Vec<u8>, CipherError> {
        Ok(self.0.new_field_key(owner)?.1.as_bytes().to_vec())
    }

    fn open_key(&self, owner: [u8; 16], wrapped: &[u8]) -> Result<Arc<dyn Fields>, CipherError> {
        let key = self.0.open_field_key(owner, &WrappedKey::from_bytes(wrapped)?)?;
        Ok(Arc::new(Owner(key)))
    }
}

impl Fields for Owner {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok(self.0.seal(context, plain)?)
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        self.0.open(context, sealed).ok_or_else(|| "does not open".into())
    }

    fn token(&self, context: &[u8], value: &[u8]) -> Vec<u8> {
        self.0.token(context, value).to_vec()
    }
}
