fn first(future: Future<u32>) {}

fn main() {}
