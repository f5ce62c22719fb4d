//! A subscription by server-sent events, the distinct connections mode of `graphql-sse`
//! (<https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>): each event `next` is a result, `complete` the end.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use reqwest::Response;
use tokio::time::timeout;

use super::super::{broken_off, too_large};
use super::host;
use crate::error::{Error, ErrorKind, Result};
use crate::settings::SubgraphSettings;

/// A stream of events.
pub(super) struct Events {
    response: Response,
    reading: Reading,
    largest: u64,
    silence: Duration,
}

/// What has come and is no whole event yet
/// (<https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>).
#[derive(Default)]
struct Reading {
    buffer: BytesMut,
    /// So much of it holds no end of a line.
    looked_at: usize,
    name: Vec<u8>,
    data: Vec<u8>,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    name: Vec<u8>,
    data: Vec<u8>,
}

impl Events {
    pub(super) fn of(response: Response, settings: &SubgraphSettings) -> Self {
        let silence = settings.subscriptions.silence.saturating_mul(2);
        Self { response, reading: Reading::default(), largest: settings.max_answer_bytes, silence }
    }

    /// The next result. `None`: there are no more.
    pub(super) async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        loop {
            while let Some(event) = self.reading.event() {
                match event.name.as_slice() {
                    b"next" => return Ok(Some((Bytes::from(event.data), self))),
                    b"complete" => return Ok(None),
                    // A sign of life, or somebody's own.
                    _ => {}
                }
            }
            if self.reading.len() > self.largest {
                return Err(too_large(self.response.url(), self.largest));
            }
            let url = self.response.url().clone();
            match timeout(self.silence, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => self.reading.buffer.extend_from_slice(&chunk),
                Ok(Ok(None)) => {
                    let message = format!("{} ended a subscription without saying so", host(&url));
                    return Err(Error::new(ErrorKind::Unreachable, message));
                }
                Ok(Err(error)) => return Err(broken_off(&url, error)),
                Err(_) => {
                    let seconds = self.silence.as_secs_f64();
                    let message = format!("{} has not said a word for {seconds} s", host(&url));
                    return Err(Error::new(ErrorKind::Timeout, message));
                }
            }
        }
    }
}

impl Reading {
    fn len(&self) -> u64 {
        (self.buffer.len() + self.data.len() + self.name.len()) as u64
    }

    /// The next whole event.
    fn event(&mut self) -> Option<Event> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let event = Event { name: std::mem::take(&mut self.name), data: std::mem::take(&mut self.data) };
                if !event.name.is_empty() || !event.data.is_empty() {
                    return Some(event);
                }
                continue;
            }
            let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default();
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &line[..colon] {
                b"event" => self.name = value.to_vec(),
                b"data" => {
                    if !self.data.is_empty() {
                        self.data.push(b'\n');
                    }
                    self.data.extend_from_slice(value);
                }
                _ => {}
            }
        }
        None
    }

    /// The next whole line. A carriage return that came last may be half of an end.
    fn line(&mut self) -> Option<BytesMut> {
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let Some(end) = self.buffer[self.looked_at..].iter().position(is_end).map(|end| end + self.looked_at) else {
            self.looked_at = self.buffer.len();
            return None;
        };
        let length = match (self.buffer[end], self.buffer.get(end + 1)) {
            (b'\r', None) => {
                self.looked_at = end;
                return None;
            }
            (b'\r', Some(b'\n')) => 2,
            _ => 1,
        };
        let line = self.buffer.split_to(end);
        self.buffer.advance(length);
        self.looked_at = 0;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a text that comes in pieces of this size.
    fn events(text: &str, size: usize) -> Vec<(String, String)> {
        let mut reading = Reading::default();
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            reading.buffer.extend_from_slice(piece);
            while let Some(Event { name, data }) = reading.event() {
                found.push((String::from_utf8(name).unwrap(), String::from_utf8(data).unwrap()));
            }
        }
        found
    }

    #[test]
    fn events_are_whole_however_they_come() {
        let text = ":\n\nevent: next\ndata: {\"a\":\ndata:1}\nid: 7\n\nevent:next\r\ndata: é\r\n\r\n:ping\n\n\
                    event: complete\rdata\r\rdata: x\n\nevent: next\ndata: half";
        let expected = [("next", "{\"a\":\n1}"), ("next", "é"), ("complete", ""), ("", "x")];
        let expected = expected.map(|(name, data)| (name.to_owned(), data.to_owned()));
        for size in [1, 2, 3, 7, 1_000] {
            assert_eq!(events(text, size), expected, "{size}");
        }
    }
}
