"""Subscribes to a regtest node with pyzmq, and makes blocks by JSON-RPC; prints "done" if all is as Bitcoin Core has it.

All topics are published at one address, which getzmqnotifications names.
"""

import struct
import sys

import zmq
from bitcoinrpc.authproxy import AuthServiceProxy

# Whoever waits so long waits in vain, on any machine.
PATIENCE = 120_000

node = AuthServiceProxy(sys.argv[1])


def equal(left, right):
    assert left == right, f"{left!r} != {right!r}"


def mine(count, mark):
    """Makes blocks that pay to a script of their own, so that branches differ."""
    return node.generatetodescriptor(count, f"raw(01{mark:02x})")


topics = ["hashblock", "hashtx", "rawblock", "rawtx", "sequence"]
notifications = node.getzmqnotifications()
equal([one["type"] for one in notifications], ["pub" + topic for topic in topics])
equal([one["hwm"] for one in notifications], [1000, 1000, 1000, 77, 1000])
addresses = {one["address"] for one in notifications}
equal(len(addresses), 1)

context = zmq.Context()
socket = context.socket(zmq.SUB)
socket.rcvtimeo = PATIENCE
# What a careful subscriber sets: the node must answer its pings.
socket.setsockopt(zmq.HEARTBEAT_IVL, 100)
socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, PATIENCE)
socket.connect(addresses.pop())
socket.subscribe("")

numbers = {}


def receive():
    """Topic and body of the next message; its number must follow the one before."""
    topic, body, number = socket.recv_multipart()
    topic, (number,) = topic.decode(), struct.unpack("<I", number)
    if topic in numbers:
        equal(number, numbers[topic] + 1)
    numbers[topic] = number
    return topic, body


def transactions(block):
    """What is published of each transaction of a block that comes or goes."""
    expected = []
    for txid in node.getblock(block)["tx"]:
        raw = node.getrawtransaction(txid, False, block)
        expected += [("hashtx", bytes.fromhex(txid)), ("rawtx", bytes.fromhex(raw))]
    return expected


def connected(block):
    return transactions(block) + [("sequence", bytes.fromhex(block) + b"C")]


def disconnected(block):
    return transactions(block) + [("sequence", bytes.fromhex(block) + b"D")]


def tip(block):
    raw = bytes.fromhex(node.getblock(block, 0))
    return [("hashblock", bytes.fromhex(block)), ("rawblock", raw)]


def expect(*expected):
    for message in sum(expected, []):
        equal(receive(), message)


# A subscription takes a moment to arrive: blocks are made until one is heard of.
socket.rcvtimeo = 200
while True:
    mine(1, 1)
    try:
        receive()
        break
    except zmq.Again:
        pass
socket.rcvtimeo = PATIENCE
[last] = mine(1, 1)
while receive() != tip(last)[1]:
    pass

# New blocks.
a1, a2 = mine(2, 2)
expect(connected(a1), tip(a1), connected(a2), tip(a2))

# Blocks that were found invalid leave, newest first, and no tip comes.
node.invalidateblock(a1)
expect(disconnected(a2), disconnected(a1))
[b1] = mine(1, 3)
expect(connected(b1), tip(b1))

# A branch with more work takes over: its blocks below the old height are no tips.
node.reconsiderblock(a1)
expect(disconnected(b1), connected(a1), connected(a2), tip(a2))
a3, = mine(1, 2)
expect(connected(a3), tip(a3))
equal(node.getbestblockhash(), a3)

# More transactions than one, and more messages than wait for a slow subscriber: they all come to who takes them.
many = mine(120, 4)
for block in many:
    expect(connected(block), tip(block))

# Nobody listens for a while: the numbers tell how much was missed.
before = dict(numbers)
socket.close(linger=0)
mine(3, 5)
socket = context.socket(zmq.SUB)
socket.rcvtimeo = 200
socket.connect(notifications[0]["address"])
socket.subscribe("hashblock")
made = 3
numbers.clear()
while True:
    made += len(mine(1, 5))
    try:
        receive()
        break
    except zmq.Again:
        pass
assert before["hashblock"] + 3 < numbers["hashblock"] <= before["hashblock"] + made, (before, numbers, made)

socket.close(linger=0)
context.term()
print("done")
