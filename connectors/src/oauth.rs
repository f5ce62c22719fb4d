//! Tokens for partner systems.
/// tmp
pub struct Tokens;
impl Tokens { #[allow(missing_docs)] pub fn new(_c:&reqwest::Client,_s:&str,_o:&crate::settings::OAuthSettings,_k:entity::Clock)->crate::error::Result<Self>{Ok(Self)} }
