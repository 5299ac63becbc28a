import java.io.File;
import java.io.FileInputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.apache.wss4j.common.WSEncryptionPart;
import org.apache.wss4j.common.crypto.Crypto;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.engine.WSSecurityEngine;
import org.apache.wss4j.dom.handler.RequestData;
import org.apache.wss4j.dom.handler.WSHandlerResult;
import org.apache.wss4j.dom.message.WSSecHeader;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.wss4j.dom.message.WSSecTimestamp;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

/**
 * Signs messages by WSS4J, which CXF and WildFly sign by, and reads what a gateway has signed.
 *
 * <p>{@code write KEYSTORE UNSIGNED DIRECTORY}: signs the envelope in the file in each way, a file for each.
 * {@code read KEYSTORE FILE...}: verifies each file by the certificates in the key store.
 */
public final class Messages {
  private static final String WSA = "http://www.w3.org/2005/08/addressing";
  private static final String RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
  private static final String RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

  private final Crypto crypto;

  private Messages(String keyStore) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (FileInputStream in = new FileInputStream(keyStore)) {
      store.load(in, "secret".toCharArray());
    }
    Merlin merlin = new Merlin();
    merlin.setKeyStore(store);
    merlin.setTrustStore(store);
    crypto = merlin;
  }

  public static void main(String[] args) throws Exception {
    WSSConfig.init();
    Messages messages = new Messages(args[1]);
    if (args[0].equals("read")) {
      for (String file : List.of(args).subList(2, args.length)) messages.read(file);
      return;
    }
    String unsigned = Files.readString(Path.of(args[2]));
    Path to = Path.of(args[3]);
    messages.write(unsigned, to, "direct", WSConstants.BST_DIRECT_REFERENCE, RSA_SHA256, false, null);
    messages.write(unsigned, to, "subject-key", WSConstants.SKI_KEY_IDENTIFIER, RSA_SHA256, false, null);
    messages.write(unsigned, to, "issuer-serial", WSConstants.ISSUER_SERIAL, RSA_SHA256, false, null);
    messages.write(unsigned, to, "thumbprint", WSConstants.THUMBPRINT_IDENTIFIER, RSA_SHA256, false, null);
    messages.write(unsigned, to, "token-signed", WSConstants.BST_DIRECT_REFERENCE, RSA_SHA256, false, "Token");
    messages.write(unsigned, to, "token-transformed", WSConstants.BST_DIRECT_REFERENCE, RSA_SHA256, false, "STRTransform");
    messages.write(unsigned, to, "token-transformed-subject-key", WSConstants.SKI_KEY_IDENTIFIER, RSA_SHA256, false, "STRTransform");
    messages.write(unsigned, to, "no-prefixes", WSConstants.BST_DIRECT_REFERENCE, RSA_SHA256, true, null);
    messages.write(unsigned, to, "rsa-sha1", WSConstants.BST_DIRECT_REFERENCE, RSA_SHA1, false, null);
  }

  private void write(
      String unsigned, Path to, String name, int keyReference, String method, boolean noPrefixes, String more)
      throws Exception {
    Document document = parse(unsigned);
    WSSecHeader header = new WSSecHeader(document);
    header.insertSecurityHeader();
    WSSecTimestamp timestamp = new WSSecTimestamp(header);
    timestamp.setTimeToLive(300);
    timestamp.build();
    WSSecSignature signature = new WSSecSignature(header);
    signature.setUserInfo("plain", "secret");
    signature.setKeyIdentifierType(keyReference);
    signature.setSignatureAlgorithm(method);
    signature.setDigestAlgo(WSConstants.SHA256);
    signature.setAddInclusivePrefixes(!noPrefixes);
    List<WSEncryptionPart> parts = signature.getParts();
    String soap = document.getDocumentElement().getNamespaceURI();
    parts.add(new WSEncryptionPart("Body", soap, "Content"));
    parts.add(new WSEncryptionPart("Timestamp", WSConstants.WSU_NS, "Element"));
    for (String block : List.of("Action", "MessageID", "To", "ReplyTo", "From", "FaultTo")) {
      if (document.getElementsByTagNameNS(WSA, block).getLength() > 0) {
        parts.add(new WSEncryptionPart(block, WSA, "Element"));
      }
    }
    String wsarj = "http://schemas.arjuna.com/ws/2005/10/wsarj";
    if (document.getElementsByTagNameNS(wsarj, "InstanceIdentifier").getLength() > 0) {
      parts.add(new WSEncryptionPart("InstanceIdentifier", wsarj, "Element"));
    }
    if ("Token".equals(more)) {
      // As CXF does for sp:ProtectTokens.
      signature.prepare(crypto);
      signature.prependBSTElementToHeader();
      parts.add(new WSEncryptionPart(signature.getBSTTokenId()));
      signature.computeSignature(signature.addReferencesToSign(parts), false, null);
    } else {
      if (more != null) parts.add(new WSEncryptionPart(more, "", "Content"));
      signature.build(crypto);
    }
    Files.writeString(to.resolve(name + ".xml"), text(document));
  }

  private void read(String file) throws Exception {
    Document document = parse(Files.readString(Path.of(file)));
    RequestData data = new RequestData();
    data.setSigVerCrypto(crypto);
    data.setDisableBSPEnforcement(false);
    WSHandlerResult result = new WSSecurityEngine().processSecurityHeader(document, data);
    System.out.println(new File(file).getName() + ": " + result.getActionResults().keySet());
  }

  private static Document parse(String text) throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    return factory.newDocumentBuilder().parse(new InputSource(new StringReader(text)));
  }

  private static String text(Document document) throws Exception {
    Transformer transformer = TransformerFactory.newInstance().newTransformer();
    transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
    StringWriter out = new StringWriter();
    transformer.transform(new DOMSource(document), new StreamResult(out));
    return out.toString();
  }
}
