//! Files of at most 500 lines, functions of at most 70.

use syn::visit::{self, Visit};

use super::Finding;
use super::source::{Source, line};

/// Lines that a file may have.
pub const FILE_LINES_MAX: usize = 500;
/// Lines that a function may have, from `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;

/// Rust files and functions that are too long.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        let lines = source.lines().count();
        if lines > FILE_LINES_MAX {
            let what = format!("{lines} lines; at most {FILE_LINES_MAX}");
            findings.push(Finding { path: source.path.clone(), line: 0, what });
        }
        if let Some(syntax) = source.syntax() {
            let mut functions = Functions { path: &source.path, findings: &mut findings };
            functions.visit_file(&syntax);
        }
    }
    findings
}

struct Functions<'a> {
    path: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let first = line(signature.fn_token.span);
        let lines = block.brace_token.span.close().end().line + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("fn {} has {lines} lines; at most {FUNCTION_LINES_MAX}", signature.ident);
            self.findings.push(Finding { path: self.path.to_owned(), line: first, what });
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}
