//! The day, played: the shop, the exporter, the fault, the fix, the evidence.
//!
//! stage -> story -> look -> evidence -> screen
//!
//! `autoscaler` is a story of its own, beside the rest of the day, with the same parts: its objects, what acts on them, what a page says,
//! the claims.
//!
//! `stage` starts the shop and the exporter, `story` makes the day happen and scrapes the exporter's page all the while, `look` is
//! what a scraped page says, `evidence` sets claims against all looks, `screen` shows them. Nothing that is shown comes from anywhere
//! but the page: the story only knows what it has done to the shop, not what came of it.

//!
//! `network` is a story of its own, beside the rest of the day, with the same parts: its street, what is done to it, what a page says,
//! the claims.

mod child;
mod command;
mod page;
mod scrape;

mod stage;

mod story;

mod autoscaler;

mod look;
mod moments;

mod evidence;

mod network;

mod frame;
mod picture;
mod screen;

pub use command::run;
