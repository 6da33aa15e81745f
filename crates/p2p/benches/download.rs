//! What the machine itself takes for a block: a hundred thousand of them, asked of ten peers, received, judged, the tip
//! moved. Checks and disk are left out, so everything that is measured is bookkeeping.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::hashes::Hash as _;
use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tipward_chain::{BlockOutcome, BlockVerdict, Chain, ChainEvent};
use tipward_p2p::addr::Address;
use tipward_p2p::addrman::AddrMan;
use tipward_p2p::pool::PoolConfig;
use tipward_p2p::wire::{Inventory, Message, ServiceFlags, Version};
use tipward_p2p::{Action, Config, ConnKind, Input, Machine, PeerId};
use tipward_primitives::{BlockHash, Header, Network, Params, RawBlock, Timestamp};

const BLOCKS: usize = 100_000;
const PEERS: u8 = 10;

fn mine() -> Vec<Header> {
    let mut prev = Params::new(Network::Regtest).genesis.header;
    let mut headers = Vec::with_capacity(BLOCKS);
    for _ in 0..BLOCKS {
        let mut header = Header {
            prev_blockhash: prev.block_hash(),
            time: prev.time + 600,
            nonce: 0,
            version: bitcoin::block::Version::from_consensus(0x2000_0000),
            ..prev
        };
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
        prev = header;
        headers.push(header);
    }
    headers
}

struct Run {
    machine: Machine,
    now: Timestamp,
    inputs: VecDeque<Input>,
}

impl Run {
    /// A machine that knows all headers, and that its peers have the blocks.
    fn new(headers: &[Header]) -> Self {
        let mut chain = Chain::new(Arc::new(Params::new(Network::Regtest)));
        for header in headers {
            chain.insert_stored(header).expect("parents come first");
        }
        let config = Config {
            pool: PoolConfig {
                connect: Some(Vec::new()),
                ..PoolConfig::default()
            },
            ..Config::default()
        };
        let last = headers.last().expect("there are some");
        let mut run = Self {
            machine: Machine::new(config, chain, AddrMan::new([0; 32]), [0; 32]),
            now: Timestamp::from_secs(u64::from(last.time) + 60),
            inputs: VecDeque::new(),
        };
        for number in 0..PEERS {
            let peer = run.machine.new_peer_id();
            run.handle(Input::Connected {
                peer,
                addr: Address::new(std::net::Ipv4Addr::new(8, number, 1, 1), 8333),
                local: None,
                kind: ConnKind::OutboundFullRelay,
            });
            for message in [
                Message::Version(version()),
                Message::Verack,
                Message::Headers(vec![*last]),
            ] {
                run.handle(received(peer, message));
            }
        }
        run
    }

    fn handle(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Send {
                    peer,
                    message: Message::GetData(items),
                } => {
                    for item in items {
                        if let Inventory::WitnessBlock(hash) = item {
                            self.inputs.push_back(self.delivery(peer, hash));
                        }
                    }
                }
                Action::CheckBlock { job, block } => {
                    self.inputs.push_back(Input::Verdict(BlockVerdict {
                        id: job.id,
                        hash: job.hash(),
                        height: job.height(),
                        size: block.size(),
                        outcome: BlockOutcome::Stored { transactions: 1 },
                    }));
                }
                Action::Goal(goal) => {
                    let chain = self.machine.chain();
                    let tip = chain.hash(chain.candidate());
                    self.inputs
                        .push_back(Input::Chain(ChainEvent::TipMoved { tip }));
                    self.inputs
                        .push_back(Input::Chain(ChainEvent::Settled { goal }));
                }
                _ => {}
            }
        }
    }

    fn delivery(&self, peer: PeerId, hash: BlockHash) -> Input {
        let chain = self.machine.chain();
        let header = chain.header(chain.find(&hash).expect("it was asked for"));
        let mut bytes = bitcoin::consensus::serialize(&header);
        bytes.extend([0; 120]);
        let block = RawBlock::new(Bytes::from(bytes)).expect("longer than a header");
        received(peer, Message::Block(block))
    }

    fn finish(mut self) -> Machine {
        while let Some(input) = self.inputs.pop_front() {
            self.now = self.now + Duration::from_micros(10);
            self.handle(input);
        }
        assert_eq!(self.machine.chain().tip_height(), BLOCKS as u32);
        self.machine
    }
}

fn received(peer: PeerId, message: Message) -> Input {
    Input::Message {
        peer,
        message,
        size: 224,
    }
}

fn version() -> Version {
    Version {
        protocol: 70_016,
        services: ServiceFlags::NETWORK | ServiceFlags::WITNESS,
        timestamp: 0,
        receiver_services: ServiceFlags::NONE,
        receiver: Address::UNSPECIFIED,
        sender_services: ServiceFlags::NONE,
        sender: Address::UNSPECIFIED,
        nonce: 1,
        user_agent: "/bench:1/".to_owned(),
        start_height: BLOCKS as i32,
        relay: false,
    }
}

fn bench(c: &mut Criterion) {
    let headers = mine();
    assert_ne!(headers[0].block_hash(), BlockHash::all_zeros());
    let mut group = c.benchmark_group("machine");
    group.sample_size(10);
    group.throughput(Throughput::Elements(BLOCKS as u64));
    group.bench_function("ask_receive_store", |b| {
        b.iter_batched(|| Run::new(&headers), Run::finish, BatchSize::PerIteration);
    });
    group.finish();
    // What the page costs the thread that talks to peers, a few times a second: in the middle of a sync, with a window of
    // thousands of blocks.
    let run = Run::new(&headers);
    c.bench_function("machine/told_to_people", |b| {
        b.iter(|| (run.machine.snapshot(), run.machine.window(run.now)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
