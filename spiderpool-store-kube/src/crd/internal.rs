//! The kinds that only Spiderpool writes.
//!
//! What decides stands in `document`, as the very text that every other store keeps. The API server cannot look into
//! it: it need not track an owner per field, which costs a factor of two to three on every write, and it cannot round
//! the numbers of 64 bits in it. The other fields are for people and are never read back.

use serde_json::{Value, json};

use super::{
    Column, Definition,
    schema::{long_text, number, root, text, with},
};

fn definition(description: &str, fields: Vec<(&'static str, Value)>, mut columns: Vec<Column>) -> Definition {
    let mut all = vec![(
        "document",
        with(
            long_text("What is stored, as JSON text with its format number. For Spiderpool only."),
            json!({ "minLength": 2 }),
        ),
    )];
    all.extend(fields);
    columns.push(Column::age());
    Definition { schema: root(description, &["document"], all), columns, selectable: &[] }
}

pub(super) fn scope() -> Definition {
    definition(
        "An address space. Written by Spiderpool.",
        vec![("blockSize", number("How many addresses a block has.", 1, Some(64)))],
        vec![Column::number("BLOCK-SIZE", ".blockSize")],
    )
}

pub(super) fn plan() -> Definition {
    definition(
        "The ranges in force of a pool, or of all reservations. Written by Spiderpool.",
        vec![
            ("pool", text("The pool; none for reservations.", 253)),
            ("ipVersion", number("4 or 6.", 4, Some(6))),
            ("pending", number("How many edits are in flight.", 0, None)),
        ],
        vec![
            Column::text("POOL", ".pool"),
            Column::number("VERSION", ".ipVersion"),
            Column::number("PENDING", ".pending"),
        ],
    )
}

pub(super) fn block() -> Definition {
    definition(
        "Up to 64 neighbouring addresses, and who holds each of them. Written by Spiderpool.",
        vec![
            ("addresses", text("The addresses, first-last.", 91)),
            ("held", number("How many of them are held.", 0, Some(64))),
        ],
        vec![Column::text("ADDRESSES", ".addresses"), Column::number("HELD", ".held")],
    )
}
