import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on loopback until standard input ends. Arguments: its directory, its HTTP port. */
public final class Peer {
  public static void main(String[] args) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner
        .onBuild(
            (number, settings) -> {
              settings.put("http.port", args[1]);
              settings.put("network.host", "127.0.0.1");
            })
        .build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).clusterName("quell-bench"));
    System.out.println("ready");
    while (System.in.read() != -1) {}
    runner.close();
    System.exit(0);
  }
}
