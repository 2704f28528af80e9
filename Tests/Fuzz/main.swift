// SPDX-License-Identifier: Apache-2.0

import Glibc

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> Int32
) -> Int32

if CommandLine.arguments.contains("--list") {
    for fuzz in Fuzz.all { print(fuzz.name) }
    exit(0)
}
guard Fuzz.chosen != nil else {
    print("FUZZ must be one of: \(Fuzz.all.map(\.name).joined(separator: " "))")
    exit(64)
}
var count = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(
    unsafe runDriver(&count, &arguments) { bytes, count in
        Fuzz.chosen?.run(unsafe Span(_unsafeStart: bytes, count: count))
        return 0
    })
