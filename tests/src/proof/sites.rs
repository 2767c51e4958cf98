//! Where the engine calls the file system: all places, from its source, and those that a run came by, from its stacks.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// A file below `engine/src` and a line.
pub type Site = (String, usize);

/// Methods of the traits, with a word that the receiver must hold for it to be one of theirs.
const METHODS: &[(&str, &str)] = &[
    ("open", "fs"),
    ("create_dir", "fs"),
    ("read_dir", "fs"),
    ("rename", "fs"),
    ("remove_file", "fs"),
    ("sync_dir", "fs"),
    ("try_lock", "fs"),
    ("shared_page", "fs"),
    ("shared_page_read", "fs"),
    ("boot_id", "fs"),
    ("trust", "fs"),
    ("block_bytes", "fs"),
    ("random", "fs"),
    ("read_at", "file"),
    ("write_at", "file"),
    ("sync_data", "file"),
    ("set_len", "file"),
    ("len", "file"),
    ("map_read", "file"),
    ("describe", "lock"),
    ("sync", "page"),
];

/// Functions that call them in loops.
const FUNCTIONS: &[&str] = &["read_exact_at", "read_at_most", "write_all_at", "read_file", "create_dir_durable"];

/// Every place in the engine's source that calls the file system; what implements it is not looked at.
pub fn in_source(repository: &Path) -> BTreeSet<Site> {
    let root = repository.join("engine/src");
    let mut sites = BTreeSet::new();
    for entry in walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok) {
        let path = entry.path().strip_prefix(&root).unwrap_or(entry.path()).to_string_lossy().into_owned();
        let tests = path.ends_with("tests.rs") || path.contains("tests/") || path == "recover/image.rs";
        // Pure code names files too, but those are bytes in memory.
        let pure = ["fs/", "format/", "recover/"].iter().any(|folder| path.starts_with(folder));
        if !path.ends_with(".rs") || tests || pure {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        if let Ok(syntax) = syn::parse_file(&text) {
            Calls { path: &path, sites: &mut sites }.visit_file(&syntax);
        }
    }
    sites
}

struct Calls<'a> {
    path: &'a str,
    sites: &'a mut BTreeSet<Site>,
}

impl<'ast> Visit<'ast> for Calls<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let receiver = names(&call.receiver);
        let is_ours = |(name, word): &(&str, &str)| call.method == name && receiver.iter().any(|name| name == word);
        if METHODS.iter().any(is_ours) {
            self.sites.insert((self.path.to_owned(), call.method.span().start().line));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
            && FUNCTIONS.iter().any(|function| last.ident == function)
        {
            self.sites.insert((self.path.to_owned(), call.span().start().line));
        }
        visit::visit_expr_call(self, call);
    }
}

/// The names in an expression like `self.fs` or `active.file`.
fn names(expression: &syn::Expr) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
            self.0.push(ident.to_string());
        }
    }
    let mut found = Names(Vec::new());
    found.visit_expr(expression);
    found.0
}

thread_local! {
    /// What stands at an address of code: looking it up is slow, and there are few.
    static KNOWN: RefCell<HashMap<usize, Option<Site>>> = RefCell::default();
}

/// The place in the engine that is calling the file system now: the innermost frame of its source outside `fs/`.
pub fn on_the_stack() -> Option<Site> {
    let mut found = None;
    backtrace::trace(|frame| {
        let address = frame.ip().addr();
        found = KNOWN.with_borrow_mut(|known| known.entry(address).or_insert_with(|| site_of(frame)).clone());
        found.is_none()
    });
    found
}

/// The innermost of the functions that the compiler put into one frame counts.
fn site_of(frame: &backtrace::Frame) -> Option<Site> {
    const SOURCE: &str = "engine/src/";
    let mut site = None;
    backtrace::resolve_frame(frame, |symbol| {
        let place = symbol.filename().zip(symbol.lineno());
        let in_engine = place.and_then(|(path, line)| {
            let (_, below) = path.to_str()?.split_once(SOURCE)?;
            (!below.starts_with("fs/")).then(|| (below.to_owned(), line as usize))
        });
        site = site.take().or(in_engine);
    });
    site
}
