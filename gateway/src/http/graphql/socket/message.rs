//! The messages of `graphql-transport-ws`, as they are written.

use async_graphql::{Request, ServerError};
use axum::extract::ws::Message;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Close;
use crate::graphql::Answer;
use crate::http::graphql::admission::Payload;
use crate::http::graphql::bulk;
use crate::http::graphql::request::from_fields;

/// What a client says.
pub(super) enum ClientMessage {
    Init(Payload),
    Ping(Payload),
    Pong,
    Subscribe { id: String, request: Box<Request> },
    Complete { id: String },
}

impl ClientMessage {
    /// Reads a message.
    ///
    /// # Errors
    /// 4400 where the protocol has no such message.
    pub(super) fn read(text: &str) -> Result<Self, Close> {
        if bulk::values(text) > bulk::MOST_VALUES {
            return Err(Close::too_large());
        }
        let fields = match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(Close::bad_request("A message is a JSON object")),
            Err(_) => return Err(Close::bad_request("The message is not JSON")),
        };
        let mut fields = fields;
        let kind = match fields.remove("type") {
            Some(Value::String(kind)) => kind,
            _ => return Err(Close::bad_request("A message has a `type`")),
        };
        Ok(match kind.as_str() {
            "connection_init" => Self::Init(payload(&mut fields)?),
            "ping" => Self::Ping(payload(&mut fields)?),
            "pong" => {
                payload(&mut fields)?;
                Self::Pong
            }
            "subscribe" => {
                let id = id(&mut fields)?;
                let Some(payload) = payload(&mut fields)? else {
                    return Err(Close::bad_request("`subscribe` has a `payload` with a `query`"));
                };
                let request =
                    from_fields(&payload).map_err(|refusal| Close::bad_request(refusal.message().to_owned()))?;
                Self::Subscribe { id, request: Box::new(request) }
            }
            "complete" => Self::Complete { id: id(&mut fields)? },
            _ => return Err(Close::bad_request("There is no message of this `type`")),
        })
    }
}

fn payload(fields: &mut Map<String, Value>) -> Result<Payload, Close> {
    match fields.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::bad_request("`payload` is a JSON object")),
    }
}

fn id(fields: &mut Map<String, Value>) -> Result<String, Close> {
    match fields.remove("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        _ => Err(Close::bad_request("`id` is a string that is not empty")),
    }
}

/// What the hub says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    ConnectionAck,
    Ping,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Payload,
    },
    Next {
        id: &'a str,
        payload: Answer<'a>,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl ServerMessage<'_> {
    /// The message as it goes out.
    ///
    /// # Errors
    /// 4500 where it cannot be written, which is the hub's fault.
    pub(super) fn write(&self) -> Result<Message, Close> {
        match serde_json::to_string(self) {
            Ok(text) => Ok(Message::Text(text.into())),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a message could not be written as JSON");
                Err(Close::internal())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        match ClientMessage::read(text) {
            Ok(_) => "taken".to_owned(),
            Err(close) => format!("{} {}", close.code(), close.reason()),
        }
    }

    #[test]
    fn what_the_protocol_has_is_taken_and_nothing_else() {
        for (text, expected) in [
            (r#"{"type":"connection_init"}"#, "taken"),
            (r#"{"type":"connection_init","payload":null}"#, "taken"),
            (r#"{"type":"ping","payload":{"a":1}}"#, "taken"),
            (r#"{"type":"pong"}"#, "taken"),
            (r#"{"type":"complete","id":"1"}"#, "taken"),
            (r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }","variables":null}}"#, "taken"),
            ("", "4400 The message is not JSON"),
            ("[]", "4400 A message is a JSON object"),
            ("{}", "4400 A message has a `type`"),
            (r#"{"type":1}"#, "4400 A message has a `type`"),
            (r#"{"type":"start","id":"1"}"#, "4400 There is no message of this `type`"),
            (r#"{"type":"connection_ack"}"#, "4400 There is no message of this `type`"),
            (r#"{"type":"ping","payload":"a"}"#, "4400 `payload` is a JSON object"),
            (r#"{"type":"complete"}"#, "4400 `id` is a string that is not empty"),
            (r#"{"type":"subscribe","id":"","payload":{}}"#, "4400 `id` is a string that is not empty"),
            (r#"{"type":"subscribe","id":"1"}"#, "4400 `subscribe` has a `payload` with a `query`"),
            (r#"{"type":"subscribe","id":"1","payload":{}}"#, "4400 `query` is missing."),
            (r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#, "4400 `query` must be a string."),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
    }
}
