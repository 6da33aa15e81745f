"""Talks to a regtest node at the genesis block through python-bitcoinrpc; prints "done" if all is as it should be."""

import sys
from decimal import Decimal

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"


def equal(left, right):
    assert left == right, f"{left!r} != {right!r}"


def refused(code, call, *args):
    try:
        call(*args)
    except JSONRPCException as error:
        equal(error.error["code"], code)
    else:
        raise AssertionError(f"not refused with {code}")


node = AuthServiceProxy(sys.argv[1])
equal(node.getblockcount(), 0)
hashes = node.generatetoaddress(3, ADDRESS)
info = node.getblockchaininfo()
equal((info["chain"], info["blocks"], info["bestblockhash"]), ("regtest", 3, hashes[2]))

# Amounts keep their digits.
block = node.getblock(hashes[0], 2)
coinbase = block["tx"][0]
equal(coinbase["vout"][0]["value"], Decimal("50.00000000"))
coin = node.gettxout(coinbase["txid"], 0)
equal((coin["confirmations"], coin["scriptPubKey"]["address"]), (3, ADDRESS))
raw = node.createrawtransaction([{"txid": coinbase["txid"], "vout": 0}], [{ADDRESS: Decimal("0.1")}])
equal(node.decoderawtransaction(raw)["vout"][0]["value"], Decimal("0.1"))

# One by one: the library asks for JSON-RPC 2.0 in batches, and looks in the answers for a member that 2.0 leaves out.
equal([node.getblockhash(height) for height in range(1, 4)], hashes)

equal(node.validateaddress(ADDRESS)["isvalid"], True)
equal(node.getmempoolinfo()["size"], 0)
equal(node.getpeerinfo(), [])
refused(-8, node.getblockhash, 4)
refused(-5, node.getblock, "11" * 32)
refused(-32601, node.getbalance)
print("done")
