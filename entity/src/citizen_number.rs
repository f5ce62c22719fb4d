//! What looks like a citizen service number (burgerservicenummer, BSN) in a text. The hub holds no personal data of
//! pupils: a text that has one in it is refused, whoever sends it. Pure.

/// What stands in a text for a number that was taken out.
const MASK: &str = "(not kept)";

/// Whether nine digits, as they are written in a BSN, stand the test of eleven (elfproef).
#[must_use]
pub fn is_in(text: &str) -> bool {
    find(text, 0).is_some()
}

/// The text without what looks like a BSN.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    while let Some((start, end)) = find(text, from) {
        kept.push_str(text.get(from..start).unwrap_or_default());
        kept.push_str(MASK);
        from = end;
    }
    kept.push_str(text.get(from..).unwrap_or_default());
    kept
}

/// Where the first one at or behind `from` begins and ends.
fn find(text: &str, mut from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    loop {
        let start = from + bytes.get(from..)?.iter().position(u8::is_ascii_digit)?;
        let end = start + run(&bytes[start..]);
        if is_number(bytes, start, end) {
            return Some((start, end));
        }
        from = end;
    }
}

/// The length of a run of digits, with one point or space between two of them as they are put into long numbers.
fn run(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let joins = matches!(byte, b'.' | b' ') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !joins {
            break;
        }
        length += 1;
    }
    length
}

fn is_number(bytes: &[u8], start: usize, end: usize) -> bool {
    let run = &bytes[start..end];
    // Nine digits behind a country's number are a telephone's, and behind a letter a part of a code.
    let before = start.checked_sub(1).and_then(|index| bytes.get(index));
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'_');
    if before.is_some_and(is_part) || bytes.get(end).is_some_and(is_part) {
        return false;
    }
    // Together, or in the groups that a BSN is written in.
    let groups: Vec<usize> = run.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len).collect();
    if !matches!(groups[..], [9] | [4, 2, 3] | [3, 3, 3]) {
        return false;
    }
    let digits: Vec<i32> = run.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| i32::from(byte - b'0')).collect();
    // Nine times the first and so on down to twice the eighth, less the ninth: a multiple of eleven.
    let weighed: i32 = digits.iter().zip([9, 8, 7, 6, 5, 4, 3, 2, -1]).map(|(digit, weight)| digit * weight).sum();
    weighed % 11 == 0 && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Numbers that stand the test and are given to nobody: the government's own examples.
    const EXAMPLE: &str = "999990019";

    #[test]
    fn nine_digits_that_stand_the_test_are_found_wherever_they_stand() {
        for text in [EXAMPLE, "leerling 999990019.", "(999990019)", "BSN: 9999.90.019", "999 990 019", "é999990019é"]
        {
            assert!(is_in(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_left_alone() {
        let others = [
            "",
            "999990018",
            "000000000",
            "9999900190",
            "+999990019",
            "X999990019",
            "99 99 90 01 9",
            "2026-11-24",
            "06 12345678",
            "12345678",
            "1.000.000",
        ];
        for text in others {
            assert!(!is_in(text), "{text}");
        }
    }

    #[test]
    fn what_is_found_can_be_taken_out() {
        assert_eq!(masked("Van 999990019 en 9999.90.019!"), "Van (not kept) en (not kept)!");
        assert_eq!(masked("Niets, 12 niets"), "Niets, 12 niets");
    }
}
