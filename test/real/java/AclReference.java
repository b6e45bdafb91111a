import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;

/**
 * Signs requests as the Java client does. Argument: a file with one request a line, its parts separated by spaces: access
 * key, secret key, security token or "-", body, then name and value of each header field. Text is UTF-16 and the body
 * bytes, all in hex; "." is empty. Prints the signature of each.
 */
public class AclReference {
    public static void main(String[] args) throws Exception {
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] parts = line.split(" ");
            SessionCredentials credentials = new SessionCredentials(text(parts[0]), text(parts[1]));
            if (!parts[2].equals("-")) credentials.setSecurityToken(text(parts[2]));
            RemotingCommand request = RemotingCommand.createRequestCommand(10, null);
            byte[] body = bytes(parts[3]);
            if (body.length > 0) request.setBody(body);
            for (String[] field : pairs(Arrays.copyOfRange(parts, 4, parts.length))) request.addExtField(field[0], field[1]);
            new AclClientRPCHook(credentials).doBeforeRequest("127.0.0.1:10911", request);
            System.out.println(request.getExtFields().get("Signature"));
        }
        System.exit(0);
    }

    private static String[][] pairs(String[] parts) {
        String[][] pairs = new String[parts.length / 2][];
        for (int i = 0; i < pairs.length; i++) pairs[i] = new String[] {text(parts[2 * i]), text(parts[2 * i + 1])};
        return pairs;
    }

    private static String text(String hex) {
        byte[] bytes = bytes(hex);
        char[] chars = new char[bytes.length / 2];
        for (int i = 0; i < chars.length; i++) {
            chars[i] = (char) ((bytes[2 * i] & 0xff) << 8 | bytes[2 * i + 1] & 0xff);
        }
        return new String(chars);
    }

    private static byte[] bytes(String hex) {
        if (hex.equals(".")) return new byte[0];
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }
}
