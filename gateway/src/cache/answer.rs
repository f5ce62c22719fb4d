//! Answers that are kept: their bytes as they go out, and what they depend on. Also as Redis has them, where anybody may
//! have written anything: what does not fit its own checksum is no answer.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use entity::vocabulary::RecordType;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::present::Position;
use super::tag::Tag;

/// Bytes of the checksum before an answer in Redis.
const SUM: usize = 32;

/// What an answer was made of.
#[derive(Debug)]
pub(crate) struct Grounds {
    pub(super) position: Position,
    pub(super) tags: Box<[Tag]>,
    pub(super) on_reference: bool,
    pub(super) on_the_day: bool,
    /// When it is over in any case.
    pub(super) until: Option<DateTime<Utc>>,
    /// The sources that it names, with the mark of what it says of them.
    pub(super) sources: Vec<(String, u64)>,
    /// The types of its records, and the mark of what it says of how fresh they are.
    pub(super) types: Vec<RecordType>,
    pub(super) behind: u64,
    /// The epoch at which it was last found to hold.
    pub(super) held_at: AtomicU64,
}

/// An answer that is kept.
#[derive(Debug)]
pub struct Kept {
    /// The body, as it goes out.
    pub body: Bytes,
    /// Tells this body from every other.
    pub(crate) tag: String,
    /// For how long others may keep it without asking, in seconds, and whether for anybody. `None`: they must ask.
    pub(crate) cache_control: HeaderValue,
    pub(super) grounds: Grounds,
    kept_at: Instant,
    /// Whether somebody computes it anew already, ahead of its end.
    is_renewed: AtomicBool,
}

impl Kept {
    pub(super) fn new(body: Vec<u8>, cache_control: HeaderValue, grounds: Grounds) -> Self {
        let tag = URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..18]);
        let body = Bytes::from(body);
        Self { body, tag, cache_control, grounds, kept_at: Instant::now(), is_renewed: AtomicBool::new(false) }
    }

    /// Whether it is time to compute it anew, and nobody does: told once. Its last tenth is for that, so that nobody
    /// waits when it ends.
    pub(super) fn is_to_be_renewed(&self, time_to_live: Duration) -> bool {
        use std::sync::atomic::Ordering::Relaxed;
        self.kept_at.elapsed() > time_to_live.mul_f64(0.9) && !self.is_renewed.swap(true, Relaxed)
    }

    /// What it takes up in the process, in bytes.
    pub(super) fn weight(&self) -> u32 {
        let around = size_of::<Self>() + self.grounds.tags.len() * (size_of::<Tag>() + 8);
        u32::try_from(self.body.len() + around).unwrap_or(u32::MAX)
    }

    /// As Redis has it, at this place: the sum is over where it lies too.
    pub(super) fn write(&self, place: &str) -> Option<Vec<u8>> {
        let grounds = &self.grounds;
        let head = Head {
            sequence: grounds.position.sequence,
            reference_version: grounds.position.reference_version,
            today: grounds.position.today,
            tags: grounds.tags.to_vec(),
            on_reference: grounds.on_reference,
            on_the_day: grounds.on_the_day,
            until: grounds.until,
            sources: grounds.sources.clone(),
            types: grounds.types.clone(),
            behind: grounds.behind,
            cache_control: self.cache_control.to_str().ok()?.to_owned(),
        };
        let mut written = vec![0; SUM];
        serde_json::to_writer(&mut written, &head).ok()?;
        written.push(b'\n');
        written.extend_from_slice(&self.body);
        let sum = sum(place, &written[SUM..]);
        written[..SUM].copy_from_slice(&sum);
        Some(written)
    }

    /// What Redis has at this place. `None`: that is no answer, or one to something else.
    pub(super) fn read(place: &str, written: &[u8]) -> Option<Self> {
        let (own, rest) = written.split_at_checked(SUM)?;
        if own != sum(place, rest) {
            return None;
        }
        // JSON writes a line's end within a text as two signs, so the first one ends the head.
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&rest[..end]).ok()?;
        let grounds = Grounds {
            position: Position {
                sequence: head.sequence,
                reference_version: head.reference_version,
                today: head.today,
            },
            tags: head.tags.into(),
            on_reference: head.on_reference,
            on_the_day: head.on_the_day,
            until: head.until,
            sources: head.sources,
            types: head.types,
            behind: head.behind,
            held_at: AtomicU64::new(0),
        };
        let cache_control = HeaderValue::from_str(&head.cache_control).ok()?;
        Some(Self::new(rest[end + 1..].to_vec(), cache_control, grounds))
    }
}

fn sum(place: &str, rest: &[u8]) -> [u8; SUM] {
    Sha256::new().chain_update(place).chain_update(b"\n").chain_update(rest).finalize().into()
}

/// What stands before an answer in Redis.
#[derive(Serialize, Deserialize)]
struct Head {
    sequence: i64,
    reference_version: i64,
    today: NaiveDate,
    tags: Vec<Tag>,
    on_reference: bool,
    on_the_day: bool,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    sources: Vec<(String, u64)>,
    types: Vec<RecordType>,
    behind: u64,
    cache_control: String,
}

#[cfg(test)]
mod tests {
    use super::super::tag::Owner;
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_anybody_else_wrote_is_not() {
        let grounds = Grounds {
            position: Position { sequence: 7, reference_version: 3, today: NaiveDate::default() },
            tags: [Tag::Below(RecordType::HousingOption, Owner::Municipality("GM9901".to_owned()))].into(),
            on_reference: true,
            on_the_day: true,
            until: Some(DateTime::<Utc>::UNIX_EPOCH),
            sources: vec![("a\nb".to_owned(), u64::MAX)],
            types: vec![RecordType::Need],
            behind: 5,
            held_at: AtomicU64::new(9),
        };
        let kept = Kept::new(b"{\n}".to_vec(), HeaderValue::from_static("no-cache"), grounds);
        let written = kept.write("here").unwrap();
        let read = Kept::read("here", &written).unwrap();
        assert!(Kept::read("there", &written).is_none());
        assert_eq!((&read.body, &read.tag, &read.cache_control), (&kept.body, &kept.tag, &kept.cache_control));
        assert_eq!((read.grounds.position.sequence, read.grounds.until), (7, kept.grounds.until));
        assert_eq!((&read.grounds.tags, &read.grounds.sources), (&kept.grounds.tags, &kept.grounds.sources));
        for length in 0..written.len() {
            assert!(Kept::read("here", &written[..length]).is_none(), "cut off at {length}");
        }
        for index in 0..written.len() {
            let mut foreign = written.clone();
            foreign[index] ^= 1;
            assert!(Kept::read("here", &foreign).is_none(), "changed at {index}");
        }
    }
}
