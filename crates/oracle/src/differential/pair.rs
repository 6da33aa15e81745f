use std::collections::HashMap;
use std::sync::Arc;

use tipward_chain::Fault;
use tipward_consensus::RejectKind;
use tipward_primitives::{BlockHash, Header, Params, RawBlock};
use tipward_validation::Options;

use crate::{Answer, LocalAnswer, LocalNode, Oracle, Outcome};

/// The node and the oracle over the same chain.
///
/// Where they differ, the error says how. They may differ on two things, which follow from one: the node accepts a header
/// before it looks at the body, Bitcoin Core looks first at what can be seen of the body without the header tree. So
/// after a body that was refused for that, Bitcoin Core does not know the header.
///
/// - The same block again, or a block on it: the node says that it knows the first to be invalid, Bitcoin Core gives the
///   reason again, or does not know the parent.
/// - A block that has such a body and cannot be placed in the tree either: each gives its own first reason.
///
/// And of a block that is stored already, Bitcoin Core does not look at the witnesses again, so that it does not see that
/// another body was meant.
pub struct Pair {
    /// Bitcoin Core's validation.
    pub oracle: Oracle,
    /// The node's. `None` only while it restarts.
    local: Option<LocalNode>,
    /// Why blocks were refused that the oracle has no header of.
    reasons: HashMap<BlockHash, String>,
}

impl Pair {
    /// Both with the genesis block alone.
    ///
    /// # Errors
    /// If one of them does not start.
    pub fn new(params: Params, options: Options) -> Result<Self, String> {
        let oracle = Oracle::new(params.network).map_err(|e| e.to_string())?;
        Ok(Self {
            oracle,
            local: Some(LocalNode::new(Arc::new(params), options).map_err(failed)?),
            reasons: HashMap::new(),
        })
    }

    /// The node.
    ///
    /// # Panics
    /// If an earlier restart has failed.
    pub fn local(&self) -> &LocalNode {
        self.local.as_ref().expect("the node has restarted")
    }

    fn local_mut(&mut self) -> &mut LocalNode {
        self.local.as_mut().expect("the node has restarted")
    }

    /// Gives a block to both. Returns what the oracle says if the node says the same.
    ///
    /// # Errors
    /// How they differ.
    pub fn submit(&mut self, raw: &RawBlock) -> Result<Answer, String> {
        let theirs = self.oracle.process_block(raw.bytes());
        let ours = self.local_mut().submit(raw).map_err(failed)?;
        self.compare(raw, &ours, &theirs)?;
        self.compare_tips()?;
        Ok(theirs)
    }

    /// Gives a header to both, which is right.
    ///
    /// # Errors
    /// If one of them refuses it.
    pub fn submit_header(&mut self, header: &Header) -> Result<(), String> {
        let theirs = self.oracle.process_header(header);
        if !theirs.map_err(|e| e.to_string())? {
            return Err(format!(
                "Bitcoin Core refuses header {}",
                header.block_hash()
            ));
        }
        self.local_mut()
            .submit_header(header)
            .map_err(|reject| format!("we refuse header {}: {reject}", header.block_hash()))
    }

    /// Gives a chain of valid blocks to both; the node may connect them while more are stored.
    ///
    /// # Errors
    /// If one is refused, or the tips differ in the end.
    pub fn submit_all(&mut self, blocks: &[RawBlock]) -> Result<(), String> {
        for raw in blocks {
            let answer = self.oracle.process_block(raw.bytes());
            if !answer.refused.is_empty() {
                return Err(format!("Bitcoin Core refuses: {answer:?}"));
            }
        }
        let refused = self.local_mut().submit_all(blocks.iter().cloned());
        let refused = refused.map_err(failed)?;
        if !refused.is_empty() {
            return Err(format!("we refuse: {refused:?}"));
        }
        self.compare_tips()
    }

    /// Stops the node and starts it again, or kills it before if `kill` is set.
    ///
    /// # Errors
    /// If it does not start, or the tips differ then.
    pub fn restart(&mut self, kill: bool, options: Options) -> Result<(), String> {
        let local = self.local.take().expect("the node has restarted");
        let again = if kill {
            local.kill_and_restart(options)
        } else {
            local.restart(options)
        };
        self.local = Some(again.map_err(failed)?);
        self.compare_tips()
    }

    fn compare(
        &mut self,
        raw: &RawBlock,
        ours: &LocalAnswer,
        theirs: &Answer,
    ) -> Result<(), String> {
        let hash = raw.block_hash();
        let differ = || format!("block {hash}: we say {ours:?}, Bitcoin Core {theirs:?}");
        let other_body = ours.outcome == Outcome::Refused
            && ours
                .refused
                .iter()
                .all(|(_, reject)| reject.kind == RejectKind::Mutated);
        if theirs.outcome == Outcome::Known && other_body {
            return Ok(());
        }
        if ours.outcome != theirs.outcome || ours.refused.len() != theirs.refused.len() {
            return Err(differ());
        }
        if ours.outcome == Outcome::Refused {
            let ([(_, ours)], [theirs]) = (&ours.refused[..], &theirs.refused[..]) else {
                return Err(differ());
            };
            let ours = &ours.reason[..];
            let theirs = &theirs.reason[..];
            let known = self.oracle.knows(&hash);
            let agreed = match ours {
                _ if ours == theirs => true,
                "duplicate-invalid" => {
                    !known && self.reasons.get(&hash).is_some_and(|first| first == theirs)
                }
                "bad-prevblk" | "prev-blk-not-found" => {
                    let parent = raw.header().prev_blockhash;
                    !known && (theirs != "prev-blk-not-found" || self.reasons.contains_key(&parent))
                }
                _ => false,
            };
            if !known {
                self.reasons
                    .entry(hash)
                    .or_insert_with(|| theirs.to_owned());
            }
            return if agreed { Ok(()) } else { Err(differ()) };
        }
        let ours = ours.refused.iter().map(|(hash, r)| (hash, &r.reason[..]));
        let theirs = theirs.refused.iter();
        let theirs = theirs.map(|refusal| (&refusal.block, &refusal.reason[..]));
        if ours.eq(theirs) {
            Ok(())
        } else {
            Err(differ())
        }
    }

    fn compare_tips(&self) -> Result<(), String> {
        let (ours, theirs) = (self.local().tip(), self.oracle.tip());
        if ours == theirs {
            return Ok(());
        }
        let (height, their_height) = (self.local().height(), self.oracle.height());
        Err(format!(
            "our tip is {ours} at height {height}, Bitcoin Core's {theirs} at height {their_height}"
        ))
    }

    /// Compares all coins, their count, their sum and the hash of the set.
    ///
    /// # Errors
    /// How they differ.
    pub fn compare_coins(&self) -> Result<(), String> {
        let theirs = self.oracle.coins().map_err(|e| e.to_string())?;
        let ours = self.local().coins().map_err(failed)?;
        if ours != theirs {
            let missing = theirs.iter().find(|(o, coin)| ours.get(o) != Some(coin));
            let extra = ours.iter().find(|(o, coin)| theirs.get(o) != Some(coin));
            return Err(format!(
                "we have {} coins, Bitcoin Core {}; of its coins the first that we lack is {missing:?}, of ours the first \
                 that it lacks {extra:?}",
                ours.len(),
                theirs.len()
            ));
        }
        let info = self.local().set_info().map_err(failed)?;
        let count = theirs.len() as u64;
        let expected = (count, theirs.total(), Some(theirs.muhash()));
        let got = (info.coins, info.total_amount, info.muhash);
        if got != expected {
            return Err(format!("figures of the set: {got:?}, not {expected:?}"));
        }
        Ok(())
    }
}

fn failed(fault: Fault) -> String {
    format!("our own failure: {fault}")
}
