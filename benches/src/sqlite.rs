//! SQLite as its users would set it for the same durability: WAL, `synchronous=FULL`, one process.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use crate::Result;
use crate::solo::Solo;

/// A table of records.
pub struct Sqlite {
    connection: Connection,
    path: PathBuf,
    payload: Vec<u8>,
}

const INSERT: &str = "INSERT INTO records (stream, payload) VALUES (?1, ?2)";

impl Sqlite {
    /// An empty database.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn new(path: &Path, payload: &[u8]) -> Result<Sqlite> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
             PRAGMA wal_autocheckpoint=1000;
             CREATE TABLE records (number INTEGER PRIMARY KEY, stream INTEGER NOT NULL, payload BLOB NOT NULL);",
        )?;
        Ok(Sqlite { connection, path: path.to_owned(), payload: payload.to_vec() })
    }

    /// Inserts a row for each of these streams, in one transaction.
    ///
    /// # Errors
    /// Those of SQLite.
    pub fn insert(&mut self, streams: &[usize]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for stream in streams {
                insert.execute(params![*stream as i64, self.payload])?;
            }
        }
        Ok(transaction.commit()?)
    }
}

impl Solo for Sqlite {
    fn name(&self) -> String {
        "SQLite, WAL, FULL".to_owned()
    }

    fn append(&mut self) -> Result<()> {
        self.connection.prepare_cached(INSERT)?.execute(params![0, self.payload])?;
        Ok(())
    }

    fn syncs(&self) -> Option<u64> {
        None
    }

    fn count_again(self: Box<Self>) -> Result<u64> {
        let path = self.path.clone();
        drop(self);
        let connection = Connection::open(path)?;
        let count: i64 = connection.query_row("SELECT count(*) FROM records", [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }
}
