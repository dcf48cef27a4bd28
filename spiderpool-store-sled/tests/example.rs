//! The example for embedders stays as short as the README says. It is compiled and run as the crate's documentation.

#[test]
fn the_example_fits_on_a_page() {
    assert!(include_str!("../examples/embed.rs").lines().count() <= 40);
}
