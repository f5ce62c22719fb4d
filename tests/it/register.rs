//! The national register at its real size, in both of its dialects, with what is odd about it.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use connectors::settings::SourceSettings;
use connectors::sync::{RunOptions, register};
use entity::vocabulary::SyncStatus;
use rstest::rstest;
use serde_json::json;
use tests::hub::{contents, engine};
use tests::store::Backend;

const LOCATIONS: u32 = 6_600;
const BOARDS: u32 = 900;

/// How a file is written.
#[derive(Clone, Copy)]
enum Dialect {
    /// `;`, no quotes, Windows-1252, the names of before 2022.
    Older,
    /// `,`, everything in quotes, UTF-8 with a byte-order mark.
    Newer,
}

impl Dialect {
    fn row(self, fields: &[String]) -> String {
        match self {
            Self::Older => fields.join(";") + "\r\n",
            Self::Newer => {
                let quoted: Vec<_> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
                quoted.join(",") + "\r\n"
            }
        }
    }

    fn bytes(self, text: &str) -> Vec<u8> {
        match self {
            // Every character of these files is one byte of Latin-1, and the same in Windows-1252.
            Self::Older => text.chars().map(|char| u8::try_from(u32::from(char)).unwrap_or(b'?')).collect(),
            Self::Newer => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        }
    }

    fn locations(self) -> String {
        let (institution, location) = match self {
            Self::Older => ("BRIN NUMMER", "VESTIGINGSNUMMER"),
            Self::Newer => ("INSTELLINGSCODE", "VESTIGINGSCODE"),
        };
        let header = [
            "COROPGEBIED NAAM",
            "PLAATSNAAM",
            "EEN EXTRA KOLOM",
            location,
            "VESTIGINGSNAAM",
            "GEMEENTENUMMER",
            "GEMEENTENAAM",
            institution,
            "POSTCODE",
            "BEVOEGD GEZAG NUMMER",
            "INTERNETADRES",
            "AANTAL LEERLINGEN",
        ];
        let mut text = self.row(&header.map(str::to_owned));
        for number in 0..LOCATIONS {
            let letters = number / 10;
            let brin = format!("99{}{}", letter(letters / 26), letter(letters % 26));
            let (code, name) = match self {
                Self::Older => (format!("{:02}", number % 10), format!("Basisschool Zoë {number}")),
                Self::Newer => {
                    (format!("{brin}{:02}", number % 10), format!("Basisschool \"Zoë\"; de, eerste {number}"))
                }
            };
            let fields = [
                "Twente".to_owned(),
                "'S-GRAVENHAGE   ".to_owned(),
                "x".to_owned(),
                code,
                name,
                // Leading zeros are lost.
                (1 + number % 340).to_string(),
                format!("GEMEENTE {}", 1 + number % 340),
                brin,
                format!("1{:03} AB", number % 1000),
                (90_001 + number % BOARDS).to_string(),
                format!("www.school-{number}.example"),
                if number % 50 == 0 { "<5".to_owned() } else { (number % 600).to_string() },
            ];
            let _ = write!(text, "{}", self.row(&fields));
        }
        text
    }

    fn boards(self) -> String {
        let mut text = self.row(&["KVK-NUMMER", "BEVOEGD GEZAG NAAM", "BEVOEGD GEZAG NUMMER"].map(str::to_owned));
        for number in 0..BOARDS {
            let fields =
                [(1_234_567 + number).to_string(), format!("Stichting {number}"), (90_001 + number).to_string()];
            let _ = write!(text, "{}", self.row(&fields));
        }
        text
    }
}

fn letter(number: u32) -> char {
    char::from(b'A' + u8::try_from(number % 26).unwrap_or(0))
}

fn source(folder: &Path) -> SourceSettings {
    let described = json!({
        "id": "duo",
        "connector": "school_register",
        "locations": folder.join("locations.csv"),
        "boards": folder.join("boards.csv"),
    });
    serde_json::from_value(described).expect("a source's settings")
}

#[rstest]
#[case(Dialect::Older)]
#[case(Dialect::Newer)]
#[tokio::test]
async fn the_whole_register_is_taken_without_a_refusal_and_once(#[case] dialect: Dialect) -> Result<()> {
    let Some(store) = Backend::Sqlite.store().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("locations.csv"), dialect.bytes(&dialect.locations()))?;
    std::fs::write(folder.path().join("boards.csv"), dialect.bytes(&dialect.boards()))?;
    let source = source(folder.path());
    connectors::sync::install_reference(&store.db, &entity::Clock::system()).await?;
    register(&store.db, std::slice::from_ref(&source)).await?;
    let engine = engine(&store.db)?;

    let report = engine.run(&source, &RunOptions::default()).await?;
    assert_eq!((report.status, report.tally.refused), (SyncStatus::Succeeded, 0), "{report:?}");
    assert_eq!(report.tally.created, LOCATIONS + BOARDS);
    let schools = &contents(&store.db).await?["school"];
    assert!(schools[0].contains("Basisschool") && schools[0].contains("Zoë"), "{}", schools[0]);

    let again = engine.run(&source, &RunOptions { full: true, ..RunOptions::default() }).await?;
    assert_eq!(again.tally.unchanged, LOCATIONS + BOARDS, "{again:?}");
    assert_eq!(again.tally.created + again.tally.updated + again.tally.deleted, 0);
    Ok(())
}
