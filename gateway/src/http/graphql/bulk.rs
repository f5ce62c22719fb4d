//! How much a text of JSON unpacks to: a value of two bytes takes a hundred in memory.

/// The most values in a request's variables.
pub(super) const MOST_VALUES: usize = 50_000;

/// How many values the text holds, or more: counted by the signs before them, without unpacking any.
pub(super) fn values(json: &str) -> usize {
    let (mut count, mut in_string, mut is_escaped) = (1, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        for (json, expected) in
            [("1", 1), ("[]", 2), ("[1,2,3]", 4), (r#"{"a":",[{","b":"\",\\"}"#, 3), (r#""\"[[[[""#, 1), ("[[[[", 5)]
        {
            assert_eq!(values(json), expected, "{json}");
        }
    }
}
