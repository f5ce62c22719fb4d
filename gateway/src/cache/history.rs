//! When what was last changed: the journal's end, by tags. Bounded: what it has forgotten it takes for changed.

use std::collections::HashMap;

use super::tag::Tag;

/// The most tags that are remembered, some 100 bytes each.
const MOST_TAGS: usize = 50_000;

/// When each tag was last changed, as far back as it goes.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Nothing is known of what was before.
    horizon: i64,
    last: HashMap<Tag, i64>,
}

impl History {
    /// Knows nothing of what was before `horizon`.
    pub(super) fn from(horizon: i64) -> Self {
        Self { horizon, last: HashMap::new() }
    }

    /// Notes that these were changed at `sequence`.
    pub(super) fn note(&mut self, sequence: i64, tags: impl IntoIterator<Item = Tag>) {
        if self.last.len() >= MOST_TAGS {
            // Whatever was computed up to here counts as changed from now on: safe, and soon there again.
            *self = Self::from(sequence);
        }
        for tag in tags {
            let last = self.last.entry(tag).or_default();
            *last = sequence.max(*last);
        }
    }

    /// Whether nothing of these tags was changed behind `position`.
    pub(super) fn is_unchanged(&self, position: i64, tags: &[Tag]) -> bool {
        position >= self.horizon && tags.iter().all(|tag| self.last.get(tag).is_none_or(|last| *last <= position))
    }
}

#[cfg(test)]
mod tests {
    use entity::vocabulary::RecordType;
    use sea_orm::prelude::Uuid;

    use super::*;

    #[test]
    fn what_was_changed_behind_a_position_is_told_and_what_is_forgotten_counts_as_changed() {
        let need = |number: usize| Tag::Record(RecordType::Need, Uuid::from_u128(number as u128));
        let mut history = History::from(10);
        history.note(12, [need(1), Tag::Type(RecordType::Need)]);
        history.note(11, [need(1)]);
        assert!(history.is_unchanged(12, &[need(1)]));
        assert!(!history.is_unchanged(11, &[need(2), need(1)]));
        assert!(history.is_unchanged(10, &[need(2)]));
        assert!(!history.is_unchanged(9, &[need(2)]));
        (0..=MOST_TAGS).for_each(|number| history.note(13, [need(number)]));
        assert!(history.last.len() <= MOST_TAGS);
        assert!(!history.is_unchanged(12, &[Tag::Type(RecordType::Offer)]));
        assert!(history.is_unchanged(13, &[Tag::Type(RecordType::Offer)]));
    }
}
