// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

let usage = "usage: loginward-demo [--listen HOST:PORT]      (default 127.0.0.1:9000; port 0 takes any)"

func leave(_ message: String, code: Int32) -> Never {
    let bytes = Array((message + "\n").utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
    exit(code)
}

var host = "127.0.0.1"
var port: UInt16 = 9000
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    if argument == "--help" {
        print(usage)
        exit(0)
    }
    let value =
        argument.hasPrefix("--listen=")
        ? String(argument.dropFirst(9)) : argument == "--listen" ? arguments.popFirst() : nil
    guard let value, let colon = value.lastIndex(of: ":"), let number = UInt16(value[value.index(after: colon)...])
    else {
        leave(usage, code: 64)
    }
    host = String(value[..<colon])
    port = number
}

func start(host: String, port: UInt16) -> Server {
    do {
        return try Server(host: host, port: port, queue: .main)
    } catch {
        leave("loginward-demo: cannot \(error.operation): \(error.reason)", code: 1)
    }
}

let server = start(host: host, port: port)
print("users: \(IdentityProvider.users.map { "\($0.name)/\($0.password)" }.joined(separator: "  "))")
print("listening on \(host):\(server.port)")
// Somebody may wait for that line on the other end of a pipe.
_ = fflush(nil)
dispatchMain()
