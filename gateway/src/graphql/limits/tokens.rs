//! Counts a document's tokens and nesting before it is parsed, in one pass and without taking memory. It need not find
//! every mistake, for the parser follows; it must only never let through what the parser would choke on: deep nesting,
//! which it follows down the stack, and open strings, which it looks for the end of again and again.

use crate::config::LimitSettings;
use crate::error::{Code, Refused};

/// Makes sure that the document may be parsed. Gives its tokens.
pub(crate) fn check(document: &str, limits: &LimitSettings) -> Result<usize, Refused> {
    let mut lexer = Lexer { rest: document.as_bytes(), nesting: 0 };
    let deepest = super::nesting(limits);
    let mut tokens = 0;
    while lexer.token()? {
        tokens += 1;
        if tokens > limits.tokens {
            return Err(Refused::limit("tokens", tokens, limits.tokens));
        }
        if lexer.nesting > deepest {
            return Err(Refused::limit("nesting", lexer.nesting, deepest));
        }
    }
    Ok(tokens)
}

struct Lexer<'a> {
    rest: &'a [u8],
    nesting: usize,
}

impl Lexer<'_> {
    /// Takes the next token. False where there is none.
    fn token(&mut self) -> Result<bool, Refused> {
        self.skip_ignored();
        let Some(&first) = self.rest.first() else { return Ok(false) };
        match first {
            b'"' if self.rest.starts_with(b"\"\"\"") => self.block_string()?,
            b'"' => self.string()?,
            b'{' | b'[' | b'(' => {
                self.nesting += 1;
                self.advance(1);
            }
            b'}' | b']' | b')' => {
                self.nesting = self.nesting.saturating_sub(1);
                self.advance(1);
            }
            b'.' => self.take_while(|byte| byte == b'.'),
            0 => return Err(nul()),
            byte if is_word(byte) => self.take_while(|byte| is_word(byte) || byte == b'.'),
            _ => self.advance(1),
        }
        Ok(true)
    }

    fn skip_ignored(&mut self) {
        loop {
            match self.rest {
                [b' ' | b'\t' | b'\n' | b'\r' | b',', ..] => self.advance(1),
                [0xEF, 0xBB, 0xBF, ..] => self.advance(3),
                [b'#', ..] => self.take_while(|byte| !matches!(byte, b'\n' | b'\r')),
                _ => return,
            }
        }
    }

    fn string(&mut self) -> Result<(), Refused> {
        let mut index = 1;
        loop {
            match self.rest.get(index..) {
                Some([b'"', ..]) => break,
                Some([b'\\', b'u', b'0', b'0', b'0', b'0', ..]) => return Err(nul()),
                Some([b'\\', _, ..]) => index += 2,
                None | Some([] | [b'\\' | b'\n' | b'\r', ..]) => return Err(open()),
                Some([0, ..]) => return Err(nul()),
                Some([_, ..]) => index += 1,
            }
        }
        self.advance(index + 1);
        Ok(())
    }

    fn block_string(&mut self) -> Result<(), Refused> {
        let mut index = 3;
        loop {
            match self.rest.get(index..) {
                Some(rest) if rest.starts_with(b"\"\"\"") => break,
                Some(rest) if rest.starts_with(b"\\\"\"\"") => index += 4,
                None | Some([]) => return Err(open()),
                Some([0, ..]) => return Err(nul()),
                Some([_, ..]) => index += 1,
            }
        }
        self.advance(index + 3);
        Ok(())
    }

    fn take_while(&mut self, holds: impl Fn(u8) -> bool) {
        let length = self.rest.iter().position(|byte| !holds(*byte)).unwrap_or(self.rest.len());
        self.advance(length);
    }

    fn advance(&mut self, length: usize) {
        self.rest = self.rest.get(length..).unwrap_or_default();
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+')
}

fn open() -> Refused {
    Refused::new(Code::ParseFailed, "Syntax error: a string has no end.")
}

/// PostgreSQL keeps no text with it, and SQLite ends some text at it.
pub(crate) fn nul() -> Refused {
    Refused::new(Code::BadUserInput, "The character U+0000 is not taken in any text.")
}

#[cfg(test)]
mod tests {
    use async_graphql::Response;
    use proptest::prelude::*;

    use super::*;

    fn count(document: &str) -> Result<usize, String> {
        check(document, &LimitSettings::default()).map_err(|refused| Response::from(refused).errors[0].message.clone())
    }

    #[test]
    fn tokens_are_the_specifications() {
        for (document, expected) in [
            ("", 0),
            (" ,\t\r\n\u{feff}# a { comment \" here", 0),
            ("{a}", 3),
            ("query Q($a: [Int!] = [1, -2.5e3]) { a: b(c: $a, d: \"x \\\" y\") @e ...F }", 34),
            ("\"\"\"block \\\"\"\" of \" text\"\"\"", 1),
            ("\"\" \"a\"", 2),
            ("{ é }", 4),
        ] {
            assert_eq!(count(document), Ok(expected), "{document}");
        }
    }

    #[test]
    fn what_the_parser_would_choke_on_is_refused() {
        for open in ["\"", "\"a\n\"", "\"\\", "\"\"\"", "\"\"\" \\\"\"\"", "\"\"\"\"", "{ a(b: \"\"\" }"] {
            assert_eq!(count(open), Err("Syntax error: a string has no end.".to_owned()), "{open}");
        }
        for nul in ["\0", "\"\0\"", "\"\\u0000\"", "\"\"\"\0\"\"\""] {
            assert!(count(nul).unwrap_err().contains("U+0000"), "{nul:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(count(&deep), Err("The request exceeds `nesting`: it has 65, and 64 is the most.".to_owned()));
        let long = "a ".repeat(500_000);
        assert_eq!(count(&long), Err("The request exceeds `tokens`: it has 4001, and 4000 is the most.".to_owned()));
    }

    proptest! {
        #[test]
        fn whatever_comes_it_ends(document in ".*") {
            let _ = check(&document, &LimitSettings::default());
        }
    }
}
