//! What holds of the sandbox, asked over HTTP.
