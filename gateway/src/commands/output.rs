//! What commands say: answers to standard output, problems to standard error. Nothing else prints.

use std::fmt::Display;
use std::io::{self, Write};

/// Where answers go.
#[derive(Debug)]
pub(crate) enum Output {
    /// To standard output.
    Stdout,
    /// Into these lines, for tests.
    #[cfg(test)]
    Lines(Vec<String>),
}

impl Output {
    /// Standard output.
    pub(crate) fn stdout() -> Self {
        Self::Stdout
    }

    /// Says one line. Who closed the pipe does not want to hear more, which is no failure.
    pub(crate) fn line(&mut self, text: impl Display) {
        match self {
            Self::Stdout => drop(writeln!(io::stdout(), "{text}")),
            #[cfg(test)]
            Self::Lines(lines) => lines.push(text.to_string()),
        }
    }
}

/// Says what keeps the command from being done.
pub(crate) fn problem(text: impl Display) {
    drop(writeln!(io::stderr(), "error: {text}"));
}
