//! Puts many mutants into a tree at once, each behind a switch, so that one build serves all of them: `just mutants`.
//!
//! Reads from standard input a list of mutants as cargo-mutants tells them (`--list --json`), each with a `number`, and rewrites
//! the files below the folder that is its argument. A mutant is on if `THREADLOG_MUTANT` is its number. Those that cannot
//! be switched (a condition with `let` in it, say) are told by number on standard output: they need builds of their own.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use proc_macro2::Span;
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The switch, put at the end of each crate's root.
const SWITCH: &str = "
#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub fn mutant() -> u32 {
    static ON: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *ON.get_or_init(|| std::env::var(\"THREADLOG_MUTANT\").ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}
";

/// A mutant of one file.
struct Mutant {
    number: u64,
    genre: String,
    replacement: String,
    /// Line and column, both from 1, where it begins and ends.
    at: [(usize, usize); 2],
}

/// A place that is rewritten: `before` and `behind` it something is put, and within it the sites that lie there.
struct Site {
    range: Range<usize>,
    before: String,
    behind: String,
}

/// Finds the sites of the mutants of a file.
struct Weaver<'a> {
    text: &'a str,
    mutants: &'a [Mutant],
    sites: Vec<Site>,
    woven: Vec<u64>,
    /// The chain of operators that is being looked at, the widest one without a `let`.
    chain: Option<Range<usize>>,
}

fn main() {
    let root = std::env::args().nth(1).expect("the folder of the tree");
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("a list of mutants");
    let listed: Vec<Value> = serde_json::from_str(&input).expect("a list of mutants");
    let mut by_file: BTreeMap<String, Vec<Mutant>> = BTreeMap::new();
    for told in &listed {
        let file = told["file"].as_str().expect("its file");
        by_file.entry(file.to_owned()).or_default().push(Mutant::of(told));
    }
    let mut left = Vec::new();
    for (file, mutants) in &by_file {
        let path = Path::new(&root).join(file);
        let text = std::fs::read_to_string(&path).expect("the file of a mutant");
        let (woven, done) = weave(&text, mutants);
        std::fs::write(&path, woven).expect("the file can be written");
        left.extend(mutants.iter().map(|mutant| mutant.number).filter(|number| !done.contains(number)));
    }
    for part in ["engine", "store"] {
        let path = Path::new(&root).join(part).join("src/lib.rs");
        let text = std::fs::read_to_string(&path).expect("the crate's root");
        std::fs::write(&path, text + SWITCH).expect("the file can be written");
    }
    println!("{}", serde_json::to_string(&left).expect("numbers"));
}

impl Mutant {
    fn of(told: &Value) -> Mutant {
        let place = |end: &str| {
            let number = |what: &str| told["span"][end][what].as_u64().expect("a place") as usize;
            (number("line"), number("column"))
        };
        let text = |what: &str| told[what].as_str().expect("a text").to_owned();
        let number = told["number"].as_u64().expect("a number");
        Mutant { number, genre: text("genre"), replacement: text("replacement"), at: [place("start"), place("end")] }
    }

    /// Whether it is about exactly these bytes.
    fn is_at(&self, span: Span) -> bool {
        let place = |at: proc_macro2::LineColumn| (at.line, at.column + 1);
        self.at == [place(span.start()), place(span.end())]
    }

    /// A text behind the switch, on lines of its own, so that an error of the compiler can be laid to it.
    fn arm(&self, text: &str) -> String {
        format!("\n/*m{0}*/ {0} => {{ {text}\n}} /*m{0}*/\n", self.number)
    }
}

/// The text with all that can be switched in it, and the numbers of those.
fn weave(text: &str, mutants: &[Mutant]) -> (String, Vec<u64>) {
    let syntax = syn::parse_file(text).expect("Rust");
    let mut weaver = Weaver { text, mutants, sites: Vec::new(), woven: Vec::new(), chain: None };
    weaver.visit_file(&syntax);
    let Weaver { mut sites, woven, .. } = weaver;
    // What begins first comes first; of those that begin together the longest, which holds the others.
    sites.sort_by_key(|site| (site.range.start, std::cmp::Reverse(site.range.end)));
    (emit(text, 0..text.len(), &sites), woven)
}

fn emit(text: &str, range: Range<usize>, sites: &[Site]) -> String {
    let (mut out, mut at, mut next) = (String::new(), range.start, 0);
    while let Some(site) = sites.get(next) {
        let within = sites[next + 1..].iter().take_while(|inner| inner.range.end <= site.range.end).count();
        out.push_str(&text[at..site.range.start]);
        out.push_str(&site.before);
        out.push_str(&emit(text, site.range.clone(), &sites[next + 1..next + 1 + within]));
        out.push_str(&site.behind);
        at = site.range.end;
        next += 1 + within;
    }
    out.push_str(&text[at..range.end]);
    out
}

impl<'a> Weaver<'a> {
    fn find(&self, genre: &str, span: Span) -> Vec<&'a Mutant> {
        self.mutants.iter().filter(|mutant| mutant.genre == genre && mutant.is_at(span)).collect()
    }

    /// Where an expression stands, other texts stand behind the switch.
    fn choose(&mut self, range: Range<usize>, texts: &[(&Mutant, String)]) {
        if texts.is_empty() {
            return;
        }
        let arms: String = texts.iter().map(|(mutant, text)| mutant.arm(text)).collect();
        self.woven.extend(texts.iter().map(|(mutant, _)| mutant.number));
        let before = format!("(match crate::mutant() {{ {arms} _ => {{ ");
        self.sites.push(Site { range, before, behind: " } })".to_owned() });
    }

    fn body(&mut self, block: &syn::Block) {
        let (Some(first), Some(last)) = (block.stmts.first(), block.stmts.last()) else { return };
        let span = |stmt: &syn::Stmt| stmt.span();
        let (start, end) = (span(first).start(), span(last).end());
        let at = [(start.line, start.column + 1), (end.line, end.column + 1)];
        let inside = block.brace_token.span.open().byte_range().end;
        for mutant in self.mutants.iter().filter(|mutant| mutant.genre == "FnValue" && mutant.at == at) {
            let text = format!(
                "\n/*m{0}*/ if crate::mutant() == {0} {{ return {1}; }} /*m{0}*/\n",
                mutant.number, mutant.replacement
            );
            self.sites.push(Site { range: inside..inside, before: text, behind: String::new() });
            self.woven.push(mutant.number);
        }
    }
}

/// Whether a `let` stands in a chain of operators.
fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Weaver<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.body(&function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.body(&function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_expr(&mut self, expr: &'ast syn::Expr) {
        let outer = self.chain.clone();
        match expr {
            syn::Expr::Binary(_) if has_let(expr) => self.chain = None,
            syn::Expr::Binary(_) => self.chain = Some(outer.clone().unwrap_or_else(|| expr.span().byte_range())),
            _ => self.chain = None,
        }
        visit::visit_expr(self, expr);
        self.chain = outer;
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let found = self.find("BinaryOperator", binary.op.span());
        if let Some(chain) = self.chain.clone() {
            let op = binary.op.span().byte_range();
            let other = |mutant: &Mutant| {
                format!("{}{}{}", &self.text[chain.start..op.start], mutant.replacement, &self.text[op.end..chain.end])
            };
            let texts: Vec<(&Mutant, String)> = found.iter().map(|mutant| (*mutant, other(mutant))).collect();
            self.choose(chain, &texts);
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let text = self.text[unary.expr.span().byte_range()].to_owned();
        let texts: Vec<(&Mutant, String)> =
            self.find("UnaryOperator", unary.op.span()).iter().map(|mutant| (*mutant, text.clone())).collect();
        self.choose(unary.span().byte_range(), &texts);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let guard = if let syn::Pat::Guard(guarded) = &arm.pat { Some(&*guarded.guard) } else { None };
        if let Some(guard) = guard {
            let guards = self.find("MatchArmGuard", guard.span());
            let texts: Vec<(&Mutant, String)> =
                guards.iter().map(|mutant| (*mutant, mutant.replacement.clone())).collect();
            self.choose(guard.span().byte_range(), &texts);
        }
        for mutant in self.find("MatchArm", arm.span()) {
            let on = format!("\n/*m{0}*/ crate::mutant() != {0} /*m{0}*/\n", mutant.number);
            let (range, before, behind) = match guard {
                Some(guard) => (guard.span().byte_range(), format!("{on} && ("), ")".to_owned()),
                None => {
                    let end = arm.pat.span().byte_range().end;
                    (end..end, format!(" if {on}"), String::new())
                }
            };
            self.sites.push(Site { range, before, behind });
            self.woven.push(mutant.number);
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        if let Some(rest) = &made.rest {
            for field in &made.fields {
                let (name, rest) = (&field.member, &self.text[rest.span().byte_range()]);
                let syn::Member::Named(name) = name else { continue };
                // A field in short form has no expression of its own to stand elsewhere.
                if field.colon_token.is_none() {
                    continue;
                }
                let texts: Vec<(&Mutant, String)> = self
                    .find("StructField", field.span())
                    .iter()
                    .map(|mutant| (*mutant, format!("({rest}).{name}")))
                    .collect();
                self.choose(field.expr.span().byte_range(), &texts);
            }
        }
        visit::visit_expr_struct(self, made);
    }
}
