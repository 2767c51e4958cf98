//! What people and programs see.
//!
//! A command says everything twice, in the same order: a line for people, a record for programs. [`Output`] prints the
//! one that was asked for. Colours are written always and dropped again where nobody sees colours (a pipe, `NO_COLOR`).

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

use anstream::AutoStream;
use serde::Serialize;

pub mod human;
pub mod json;
pub mod progress;
pub mod style;
pub mod table;

use crate::failure::Failure;
use table::Table;

/// Standard output, for people or for programs.
pub struct Output {
    json: bool,
    out: BufWriter<AutoStream<StdoutLock<'static>>>,
    /// Whether the command's work goes on when nobody reads any more.
    unread: bool,
    /// Whether nobody does.
    closed: bool,
}

impl Output {
    /// Standard output; in JSON, with the header line that names the command.
    pub fn new(command: &'static str, json: bool) -> Result<Output, Failure> {
        let out = BufWriter::with_capacity(64 << 10, AutoStream::auto(io::stdout().lock()));
        let mut output = Output { json, out, unread: false, closed: false };
        output.record("header", &json::Header::new(command))?;
        Ok(output)
    }

    /// From now on a reader that closes the pipe (`| head`) ends nothing but the output: work that changes a store is done to
    /// its end, whoever looks on.
    pub fn go_on_unread(&mut self) {
        self.unread = true;
    }

    /// Whether programs read this.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A record for programs: one line with `type` and the fields of `value`.
    pub fn record(&mut self, kind: &'static str, value: &impl Serialize) -> Result<(), Failure> {
        let wanted = self.json;
        self.write(wanted, |out| json::write_line(out, kind, value))
    }

    /// A line for people.
    pub fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        let wanted = !self.json;
        self.write(wanted, |out| writeln!(out, "{text}"))
    }

    /// Text for people that brings its own line ends.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let wanted = !self.json;
        self.write(wanted, |out| out.write_all(text.as_bytes()))
    }

    /// A table for people.
    pub fn table(&mut self, table: &Table) -> Result<(), Failure> {
        let wanted = !self.json && !table.is_empty();
        self.write(wanted, |out| table.write(out))
    }

    /// Shows what was written so far; commands end with it, so that a full disk is not a silent success.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.write(true, Write::flush)
    }

    fn write(
        &mut self,
        wanted: bool,
        write: impl FnOnce(&mut BufWriter<AutoStream<StdoutLock<'static>>>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if !wanted || self.closed {
            return Ok(());
        }
        match write(&mut self.out) {
            Err(error) if self.unread && error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(())
            }
            result => checked(result),
        }
    }

    /// Gives up the styling: from here on, bytes as they are.
    pub fn raw(self) -> Result<Raw, Failure> {
        let styled = self.out.into_inner().map_err(|error| Failure::output(&error.into_error()))?;
        Ok(Raw { out: BufWriter::with_capacity(256 << 10, styled.into_inner()) })
    }
}

/// Standard output, past all styling.
pub struct Raw {
    out: BufWriter<StdoutLock<'static>>,
}

impl Raw {
    /// Writes these bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        checked(self.out.write_all(bytes))
    }

    /// Shows what was written so far.
    pub fn flush(&mut self) -> Result<(), Failure> {
        checked(self.out.flush())
    }
}

fn checked(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| Failure::output(&error))
}
