//! Roles at work, each on a thread of its own: what starves one must not starve another, nor the caller.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::admin::{self, Admin};
use crate::fault::{FaultError, Faults, Switch};
use crate::layout::{Layout, Place};
use crate::listen;
use crate::load::{self, Load, LoadError};
use crate::redis::real::RealRedis;
use crate::role::Role;
use crate::service::{Addresses, Service};
use crate::stats::Stats;

/// How a role is to be started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which.
    pub role: Role,
    /// Where it listens; ignored for the load generator.
    pub listen: Option<Place>,
    /// Where its faults and figures are to be had.
    pub admin: Place,
    /// The addresses of those it calls, by upstream's variables such as `REDIS_ADDR`. A call to one that is missing fails.
    pub callees: Addresses,
    /// The load it makes, when it is the load generator.
    pub load: Load,
    /// A real redis-server to run in the place of the shop's own, when it is `redis-cart`. Such a one takes no faults.
    pub redis_server: Option<OsString>,
}

/// A role that did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No address to listen on, not even a free one.
    #[error("{role} cannot listen on {address}: {source}")]
    Listen {
        /// Which role.
        role: Role,
        /// Where it was to listen.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// No thread or no runtime for it.
    #[error("{role} cannot run: {source}")]
    Run {
        /// Which role.
        role: Role,
        /// Why not.
        source: io::Error,
    },
}

/// A role at work. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    listen: Option<Place>,
    admin: Place,
    service: Arc<Service>,
    load: watch::Sender<Load>,
    admin_server: AbortHandle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    redis: Option<RealRedis>,
}

/// All twelve at work. Dropping it stops them.
#[derive(Debug)]
pub struct Shop {
    layout: Layout,
    roles: Vec<Running>,
}

impl Running {
    /// Starts one role: its work on a thread of its own, its admin server on the caller's runtime.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let mut sockets = Sockets::bind(&settings)?;
        let listen = sockets.listen;
        let admin = sockets.admin;
        let role = settings.role;
        let failed = |source| StartError::Run { role, source };
        let program = settings
            .redis_server
            .as_deref()
            .filter(|_| role == Role::RedisCart);
        let redis = match program.zip(listen) {
            Some((program, place)) => {
                // Bound to find the port; the program binds it again.
                sockets.traffic = None;
                Some(
                    RealRedis::start(program, place.actual)
                        .await
                        .map_err(failed)?,
                )
            }
            None => None,
        };
        let takes_faults = sockets.traffic.is_some();
        let service = Arc::new(Service::new(
            role,
            Switch::new(),
            &settings.callees,
            takes_faults,
        ));
        let load = watch::Sender::new(settings.load);
        let work = Work {
            service: service.clone(),
            traffic: sockets.traffic.take().zip(listen.map(|place| place.actual)),
            frontend: settings
                .callees
                .get(Role::Frontend.variable())
                .copied()
                .filter(|_| role == Role::LoadGenerator),
            load: load.subscribe(),
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let thread = thread::Builder::new()
            .name(role.name().to_owned())
            .spawn(move || work.run(ready, stopped))
            .map_err(failed)?;
        // The sender is dropped unused only when the thread has ended by a panic.
        is_ready
            .await
            .unwrap_or_else(|_| Err(io::Error::other("its thread ended")))
            .map_err(failed)?;
        let server = admin::serve(
            Admin {
                service: service.clone(),
                load: load.clone(),
            },
            sockets.admin_listener,
        );
        let admin_server = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%role, %error, "no admin server");
            }
        });
        Ok(Self {
            listen,
            admin,
            service,
            load,
            admin_server: admin_server.abort_handle(),
            stop: Some(stop),
            thread: Some(thread),
            redis,
        })
    }

    /// Which role.
    pub fn role(&self) -> Role {
        self.service.role
    }

    /// Where it listens; none for the load generator.
    pub fn listen(&self) -> Option<Place> {
        self.listen
    }

    /// Where its admin server listens.
    pub fn admin(&self) -> Place {
        self.admin
    }

    /// The faults in force.
    pub fn faults(&self) -> Faults {
        self.service.switch.now().faults.clone()
    }

    /// Puts other faults in the place of those in force. On return every new connection meets them. Without effect on the load
    /// generator and on a real redis-server.
    pub async fn set_faults(&self, faults: Faults) -> Result<(), FaultError> {
        faults.check()?;
        if self.service.takes_faults {
            self.service.switch.set(faults).await;
        }
        Ok(())
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.service.stats.snapshot()
    }

    /// Changes the load; without effect unless this is the load generator.
    pub fn set_load(&self, load: Load) -> Result<(), LoadError> {
        load.check()?;
        self.load.send_replace(load);
        Ok(())
    }

    /// Stops it and waits, for a second at most, until its thread is gone and its port free.
    pub async fn stop(mut self) {
        self.end();
        self.redis.take();
        let Some(thread) = self.thread.take() else {
            return;
        };
        let patience = Instant::now() + Duration::from_secs(1);
        while !thread.is_finished() && Instant::now() < patience {
            sleep(Duration::from_millis(2)).await;
        }
    }

    fn end(&mut self) {
        self.admin_server.abort();
        // Ends a slice of burning before its time.
        self.service.switch.put(Faults::default());
        self.stop.take();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shop {
    /// Starts all twelve. Where a port is taken, a free one is used: [`Shop::layout`] tells.
    pub async fn start(layout: Layout, load: Load) -> Result<Self, StartError> {
        Self::start_with(layout, load, None).await
    }

    /// As [`Shop::start`], with a real redis-server in the place of the shop's own.
    pub async fn start_with(
        mut layout: Layout,
        load: Load,
        redis_server: Option<OsString>,
    ) -> Result<Self, StartError> {
        let mut roles = Vec::with_capacity(Role::ALL.len());
        let mut callees = Addresses::new();
        // Callees first, so that their addresses are known to their callers.
        for role in callees_first() {
            let settings = Settings {
                role,
                listen: layout.traffic(role),
                admin: layout.admin(role),
                callees: callees.clone(),
                load,
                redis_server: redis_server.clone(),
            };
            let running = Running::start(settings).await?;
            if let (Some(place), Some(known)) = (running.listen(), layout.traffic_mut(role)) {
                *known = place;
                callees.insert(role.variable().to_owned(), place.actual);
            }
            *layout.admin_mut(role) = running.admin();
            roles.push(running);
        }
        roles.sort_by_key(Running::role);
        Ok(Self { layout, roles })
    }

    /// Where each role listens.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// One of the twelve.
    pub fn role(&self, role: Role) -> &Running {
        &self.roles[usize::from(role.index())]
    }

    /// Stops all twelve, callers first, and waits until their ports are free.
    pub async fn stop(self) {
        let mut roles = self.roles;
        let order = callees_first();
        roles.sort_by_key(|running| order.iter().position(|role| *role == running.role()));
        for running in roles.into_iter().rev() {
            running.stop().await;
        }
    }
}

/// The twelve in an order in which each comes after all that it calls.
fn callees_first() -> Vec<Role> {
    let mut order: Vec<Role> = Vec::with_capacity(Role::ALL.len());
    while order.len() < Role::ALL.len() {
        let before = order.len();
        for role in Role::ALL {
            let callees_known = role.calls().iter().all(|call| order.contains(&call.to));
            if callees_known && !order.contains(&role) {
                order.push(role);
            }
        }
        debug_assert!(order.len() > before, "the call graph has a cycle");
    }
    order
}

/// The listeners of a role, and where they are.
struct Sockets {
    listen: Option<Place>,
    traffic: Option<TcpListener>,
    admin: Place,
    admin_listener: TcpListener,
}

impl Sockets {
    fn bind(settings: &Settings) -> Result<Self, StartError> {
        let role = settings.role;
        let bind = |place: &mut Place| {
            let address = place.actual;
            place.listen().map_err(|source| StartError::Listen {
                role,
                address,
                source,
            })
        };
        let mut listen = settings.listen.filter(|_| role.container_port().is_some());
        let traffic = listen.as_mut().map(bind).transpose()?;
        let mut admin = settings.admin;
        let admin_listener = bind(&mut admin)?;
        Ok(Self {
            listen,
            traffic,
            admin,
            admin_listener,
        })
    }
}

/// What a role's thread does.
struct Work {
    service: Arc<Service>,
    traffic: Option<(TcpListener, SocketAddr)>,
    frontend: Option<SocketAddr>,
    load: watch::Receiver<Load>,
}

impl Work {
    fn run(self, ready: oneshot::Sender<io::Result<()>>, stopped: oneshot::Receiver<()>) {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        runtime.block_on(async {
            tokio::spawn(burn(self.service.switch.clone()));
            if let Some((socket, address)) = self.traffic {
                tokio::spawn(listen::serve(self.service.clone(), socket, address));
            }
            if let Some(frontend) = self.frontend {
                tokio::spawn(load::generate(self.service, frontend, self.load));
            }
            let _ = ready.send(Ok(()));
            // Ends when the other side is dropped.
            let _ = stopped.await;
        });
    }
}

/// Keeps the role's only thread busy in slices while that fault is set.
async fn burn(switch: Switch) {
    let mut faults = switch.subscribe();
    loop {
        let in_force = faults.borrow_and_update().clone();
        let Some(burn) = in_force.faults.burn else {
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        };
        // Whoever has set the faults waits for the listener: it has its turn first.
        switch.followed(in_force.generation).await;
        let end = Instant::now() + Duration::from_millis(burn.busy_ms);
        while Instant::now() < end && !faults.has_changed().unwrap_or(true) {
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
        tokio::select! {
            () = sleep(Duration::from_millis(burn.idle_ms)) => {}
            _ = faults.changed() => faults.mark_changed(),
        }
    }
}
