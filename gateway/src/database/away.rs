//! A store that is away: it cannot be reached, or is there and cannot do its work at present. Whoever asks again later may
//! be answered, so it is told apart from a store that refuses what it was asked.

use std::error::Error;

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Classes of SQLSTATE that say so: the connection broke (08), and resources are used up: disk, memory, connections (53).
const CLASSES: [&str; 2] = ["08", "53"];
/// Codes that say so: the server is being stopped, has crashed, or starts (57P01 to 57P03); it was told to only read, as a
/// standby is (25006). SQLite: the disk is full (13).
const CODES: [&str; 5] = ["57P01", "57P02", "57P03", "25006", "13"];

/// Whether the store is away, by what a statement came to.
pub(crate) fn is_away(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error)) => is_lost(error),
        _ => false,
    }
}

/// The store's own word, where it is among the causes of this error.
pub(crate) fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a DbErr> {
    match error.downcast_ref() {
        Some(cause) => Some(cause),
        None => cause_of(error.source()?),
    }
}

fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            CODES.contains(&&*code) || (code.len() == 5 && CLASSES.iter().any(|class| code.starts_with(class)))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use sea_orm::ConnAcquireErr;

    use super::*;

    fn broken() -> DbErr {
        DbErr::Exec(RuntimeErr::SqlxError(Arc::new(sqlx::Error::Io(io::ErrorKind::BrokenPipe.into()))))
    }

    #[test]
    fn a_broken_connection_is_away_and_a_refusal_is_not() {
        assert!(is_away(&broken()));
        assert!(is_away(&DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)));
        assert!(!is_away(&DbErr::Custom("no such column".to_owned())));
        assert!(!is_away(&DbErr::Query(RuntimeErr::SqlxError(Arc::new(sqlx::Error::RowNotFound)))));
    }

    #[test]
    fn the_stores_word_is_found_behind_others() {
        let error = connectors::Error::from(broken());
        assert!(cause_of(&error).is_some_and(is_away));
        assert!(cause_of(&io::Error::other("something else")).is_none());
    }
}
