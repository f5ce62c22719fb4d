//! Whether the store says what the systems say.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use connectors::sync::{RunOptions, install_reference, register};
use entity::Clock;
use tests::hub::{TestHub, contents, engine};
use tests::store::Backend;
use tokio::time::{Instant, sleep};

use super::load::OWN;

type Contents = BTreeMap<String, Vec<String>>;

/// Waits until the hub's own worker has read all that was changed: the store then has what a store has that reads the
/// systems for the first time now, beside what was written through the interface.
pub(crate) async fn in_step(hub: &TestHub, patience: Duration) -> Result<()> {
    let began = Instant::now();
    let fresh = Backend::Sqlite.store().await?.expect("SQLite is always there");
    install_reference(&fresh.db, &Clock::system()).await?;
    register(&fresh.db, &hub.sources()).await?;
    let engine = engine(&fresh.db)?;
    for source in hub.sources() {
        engine.run(&source, &RunOptions::default()).await?;
    }
    let expected = of_systems(contents(&fresh.db).await?);
    loop {
        let stored = of_systems(contents(&hub.store.db).await?);
        if stored == expected {
            println!("store and systems are in step {:?} after the last change", began.elapsed());
            return Ok(());
        }
        if began.elapsed() > patience {
            for (table, lines) in &expected {
                let stored = stored.get(table).cloned().unwrap_or_default();
                for line in lines.iter().filter(|line| !stored.contains(line)).take(5) {
                    println!("{table}: not stored: {line}");
                }
                for line in stored.iter().filter(|line| !lines.contains(line)).take(5) {
                    println!("{table}: not in the system: {line}");
                }
            }
            bail!("store and systems are not in step {patience:?} after the last change");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// What systems tell, but for how often each record was written.
fn of_systems(contents: Contents) -> Contents {
    let kept = |lines: Vec<String>| {
        let lines = lines.into_iter().filter(|line| !line.contains(OWN));
        lines.map(|line| line.rsplit_once('|').map_or(line.clone(), |(line, _)| line.to_owned())).collect()
    };
    contents.into_iter().map(|(table, lines)| (table, kept(lines))).collect()
}
