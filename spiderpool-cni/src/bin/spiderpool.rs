//! `spiderpool`, the CNI IPAM plugin. Everything is in [`spiderpool_cni::plugin`].

use spiderpool_cni::cni::Environment;
use spiderpool_cni::plugin;
use std::io::Write;
use std::process::ExitCode;

/// A runtime that reads no more cannot be told anything.
fn print(bytes: &[u8]) -> bool {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
}

fn main() -> ExitCode {
    // Even a defect is told in the runtime's language.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        print(&plugin::panic_object(&place));
        std::process::exit(1);
    }));
    let output = plugin::run(&Environment::of_process(), std::io::stdin().lock());
    let printed = print(&output.stdout);
    if output.success && printed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
