//! Numbers, amounts and dates, as people of the page's language write them.

use std::borrow::Borrow;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};

use crate::graphql::Language;

const DUTCH_MONTHS: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format(pub(super) Language);

impl Format {
    /// `1.234` or `1,234`.
    pub(super) fn whole(self, number: impl Borrow<i64>) -> String {
        let number = *number.borrow();
        let digits = number.unsigned_abs().to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 + 1);
        if number < 0 {
            grouped.push('-');
        }
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push_str(self.0.choose(".", ","));
            }
            grouped.push(digit);
        }
        grouped
    }

    /// At most one decimal: `0,6`, `12`.
    pub(super) fn decimal(self, number: &f64) -> String {
        let tenths = (number * 10.0).round();
        // A source may say any number. What is too large to be counted in tenths is no number of anything here.
        if !tenths.is_finite() || tenths.abs() > 1e15 {
            return "–".to_owned();
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let tenths = tenths as i64;
        let whole = self.whole(tenths / 10);
        let sign = if tenths < 0 && tenths > -10 { "-" } else { "" };
        match tenths.abs() % 10 {
            0 => whole,
            rest => format!("{sign}{whole}{}{rest}", self.0.choose(",", ".")),
        }
    }

    /// Euros of cents: `€ 1.050` or `€1,050.50`.
    pub(super) fn euros(self, cents: &i64) -> String {
        let (whole, rest) = (self.whole(cents / 100), cents.abs() % 100);
        let rest = if rest == 0 { String::new() } else { format!("{}{rest:02}", self.0.choose(",", ".")) };
        format!("€{}{whole}{rest}", self.0.choose("\u{a0}", ""))
    }

    /// `3 november 2026`.
    pub(super) fn date(self, date: &NaiveDate) -> String {
        let months = self.0.choose(&DUTCH_MONTHS, &ENGLISH_MONTHS);
        let month = months.get(date.month0() as usize).copied().unwrap_or_default();
        format!("{} {month} {}", date.day(), date.year())
    }

    /// `3 november 2026, 14:05 UTC`. In a browser with JavaScript it becomes the reader's own time.
    pub(super) fn instant(self, at: &DateTime<Utc>) -> String {
        format!("{}, {} UTC", self.date(&at.date_naive()), at.format("%H:%M"))
    }

    /// As programs read it.
    pub(super) fn machine(self, at: &DateTime<Utc>) -> String {
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// From a day to another, where either may be open.
    pub(super) fn term(self, starts: &Option<NaiveDate>, ends: &Option<NaiveDate>) -> Option<String> {
        match (starts, ends) {
            (Some(starts), Some(ends)) => {
                Some(format!("{} {} {}", self.date(starts), self.0.choose("tot en met", "until"), self.date(ends)))
            }
            (Some(starts), None) => Some(format!("{} {}", self.0.choose("vanaf", "from"), self.date(starts))),
            (None, Some(ends)) => Some(format!("{} {}", self.0.choose("tot en met", "until"), self.date(ends))),
            (None, None) => None,
        }
    }

    /// A share of one, as a percentage.
    pub(super) fn share(self, share: &f64) -> String {
        format!("{}%", self.decimal(&(share * 100.0).round()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NL: Format = Format(Language::Nl);
    const EN: Format = Format(Language::En);

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(
            [0, 999, 1000, 1_234_567, -1000].map(|number| NL.whole(number)),
            ["0", "999", "1.000", "1.234.567", "-1.000"]
        );
        assert_eq!(
            [0.6, 12.0, 1234.56, -0.5, -1.25].map(|number| NL.decimal(&number)),
            ["0,6", "12", "1.234,6", "-0,5", "-1,3"]
        );
        assert_eq!([f64::NAN, f64::INFINITY, 1e300].map(|number| EN.decimal(&number)), ["–"; 3]);
        assert_eq!(
            [105_000, 105_050, 5].map(|cents| NL.euros(&cents)),
            ["€\u{a0}1.050", "€\u{a0}1.050,50", "€\u{a0}0,05"]
        );
        assert_eq!(EN.euros(&105_050), "€1,050.50");
        assert_eq!(EN.share(&0.825), "83%");
    }

    #[test]
    fn dates_are_written_out() {
        let date = NaiveDate::from_ymd_opt(2026, 3, 1);
        assert_eq!(NL.term(&date, &None).unwrap(), "vanaf 1 maart 2026");
        assert_eq!(EN.term(&date, &date).unwrap(), "1 March 2026 until 1 March 2026");
        assert_eq!(EN.term(&None, &None), None);
    }
}
